import type { PolicyView } from '../../src/constitution/index.ts';
import type { Refused } from './gate.ts';
import type { Job } from './job.ts';

/** What is known of tools that changed their description. */
export interface PinPort {
  changeOf(
    server: string,
    tool: string,
    definitionHash: string,
  ): { readonly was: string; readonly is: string } | undefined;
}

/** A third party's tool that is not what it was is not called, where `tools.changed` says so, until somebody approves it. */
export function redefined(
  { request, service, server, target, called }: Job,
  pins: PinPort,
  policy: Pick<PolicyView, 'value'>,
): Refused | undefined {
  if (service?.kind !== 'third_party' || request.method !== 'tools/call') return undefined;
  const change = pins.changeOf(server, target, service.definitionHash);
  if (change === undefined || policy.value('tools.changed') !== 'block') return undefined;
  const message = `${called} is described otherwise than when it was first seen (now ${change.is}): a decision puts that hash into tools.approved, or the operator approves it`;
  return { error: 'QUARANTINED', reason: 'tool-changed', message, evidence: JSON.stringify({ tool: change }) };
}
