import type { PolicyView } from '../../src/constitution/index.ts';
import { isObject, type RpcRequest, type ServerDefinition } from '../../src/mcp/index.ts';
import { matchTemplate, type PartKind, type Service, withoutWords } from '../../src/routing/index.ts';
import type { Refused } from './gate.ts';
import type { Job } from './job.ts';

interface Change {
  readonly kind: PartKind;
  readonly name: string;
  readonly was: string;
  readonly is: string;
}

/** What is known of servers that changed what they say of themselves, their tools, prompts, templates or resources. */
export interface PinPort {
  /** Rises whenever `changesOf` may answer otherwise. */
  readonly version: number;
  /** An empty hash: of the server that this node hosts. */
  changesOf(server: string, definitionHash: string): readonly Change[];
}

type Rules = Pick<PolicyView, 'value'>;

/** A third party's tool, prompt, template or resource that is not what it was is not used, where `tools.changed` says so, until somebody approves it. */
export function redefined(
  { request, service, server, target, called }: Job,
  pins: PinPort,
  policy: Rules,
): Refused | undefined {
  if (service?.kind !== 'third_party') return undefined;
  const changes = pins.changesOf(server, service.definitionHash);
  if (changes.length === 0) return undefined;
  const change = changes.find((one) => isAbout(request, { change: one, target, definition: service.definition }));
  if (change === undefined || policy.value('tools.changed') !== 'block') return undefined;
  const message = `${called} is described otherwise than when it was first seen (now ${change.is}): a decision puts that hash into tools.approved, or the operator approves it`;
  const { kind, was, is } = change;
  return {
    error: 'QUARANTINED',
    reason: `${kind}-changed`,
    message,
    evidence: JSON.stringify({ [kind]: { was, is } }),
  };
}

/** Whether no list shows this part: a description that changed is read by no agent before somebody approves it. */
export function isHidden(
  { service, kind, name }: { readonly service: Service; readonly kind: PartKind; readonly name: string },
  pins: PinPort | undefined,
  policy: Rules,
): boolean {
  if (pins === undefined || service.kind !== 'third_party') return false;
  const changes = pins.changesOf(service.alias, service.definitionHash);
  const isChanged = changes.some((one) => one.kind === kind && one.name === name);
  return isChanged && policy.value('tools.changed') === 'block';
}

/** The service without what its server says of itself, where that changed and must not be shown. */
export function withheld(service: Service, pins: PinPort | undefined, policy: Rules): Service {
  if (pins === undefined || service.kind !== 'third_party') return service;
  const changes = pins.changesOf(service.alias, service.definitionHash);
  const isShown = changes.every(({ kind }) => kind !== 'instructions') || policy.value('tools.changed') !== 'block';
  return isShown ? service : { ...service, definition: withoutWords(service.definition, service.alias) };
}

interface About {
  readonly change: Change;
  readonly target: string;
  readonly definition: Pick<ServerDefinition, 'resources'>;
}

function isAbout({ method, params }: RpcRequest, { change: { kind, name }, target, definition }: About): boolean {
  switch (method) {
    case 'tools/call':
      return kind === 'tool' && name === target;
    case 'prompts/get':
      return kind === 'prompt' && name === target;
    case 'completion/complete': {
      const isOfPrompt = isObject(params?.['ref']) && typeof params['ref']['name'] === 'string';
      return kind === (isOfPrompt ? 'prompt' : 'template') && name === target;
    }
    case 'resources/read':
    case 'resources/subscribe':
      if (kind === 'resource') return name === target;
      // A resource that is listed was found there, and not made up after a template.
      return (
        kind === 'template' &&
        matchTemplate(name, target) !== undefined &&
        definition.resources.every(({ uri }) => uri !== target)
      );
    default:
      return false;
  }
}
