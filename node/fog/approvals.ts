import { Approval } from '../../src/fog/index.ts';
import { verifyCertificate } from '../../src/governance/index.ts';

/** Who may call it may place work on other nodes. */
export const DEPLOY_TOOL = 'deploy_agent_shard';
/** The tool whose approved call lets a deployment be as large as its argument `approval` says. */
export const APPROVAL_TOOL = 'fog_deployment';
const APPROVED: ReadonlySet<string> = new Set(['approved', 'approved_override']);

/**
 * What a certificate allows `owner`, if it proves that the village approved a call of `fog_deployment` on that node: its argument
 * `approval`. Verified here and now, from the village's id alone; undefined: it allows nothing. Never throws.
 */
export function approvalIn(
  certificate: unknown,
  { villageId, owner, agent }: { readonly villageId: string; readonly owner: string; readonly agent: string },
): Approval | undefined {
  if (certificate === undefined) return undefined;
  const verdict = verifyCertificate(certificate, { net: villageId });
  if (verdict.kind === 'refused' || !APPROVED.has(verdict.outcome)) return undefined;
  for (const action of verdict.actions) {
    if (action.op !== 'call' || action.tool !== APPROVAL_TOOL || action.node !== owner || action.agent !== agent)
      continue;
    const read = Approval.safeParse(action.arguments['approval']);
    if (read.success && read.data.owner === owner) return read.data;
  }
  return undefined;
}
