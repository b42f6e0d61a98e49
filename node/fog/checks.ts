import type { Checks, Objection, ToNode } from '../../src/fog/index.ts';
import { atLeast, decide, type Level, type Principal } from '../../src/permissions/index.ts';
import type { DelegationVerdict, PolicyView } from '../../src/constitution/index.ts';
import { approvalIn, DEPLOY_TOOL } from './approvals.ts';
import type { ArtifactPort } from './ports.ts';

const JUDGE_MS = 10_000;

export interface CheckParts {
  readonly nodeId: string;
  readonly villageId: string;
  readonly policy: () => PolicyView;
  /** Whether a peer may speak for the agent that its delegation names. */
  readonly accept: (delegation: string, from: string) => DelegationVerdict;
  /** The agent of this very node that deploys here; undefined: none does in that name. */
  readonly ownPrincipal: (agent: string) => Principal | undefined;
  readonly artifacts: Pick<ArtifactPort, 'judge'>;
  /** What the operator asks of whoever places work here. */
  readonly minLevel: () => Level;
  readonly wallMs: () => number;
}

/** What this node finds out for itself about a message of an owner, before its machine decides. Never rejects. */
export async function checksOf(message: ToNode, from: string, parts: CheckParts): Promise<Checks> {
  const wallMs = parts.wallMs();
  switch (message.kind) {
    case 'cfp': {
      const { artifact, res } = message;
      const judged = await judge({ artifact, res, env: {} }, from, parts);
      return { wallMs, artifact: judged.objection, warm: judged.warm };
    }
    case 'reserve': {
      const judged = await judge(message.spec, from, parts);
      const { level, objection } = authority(message, from, parts);
      return { wallMs, level, artifact: objection ?? judged.objection, approval: approval(message, from, parts) };
    }
    case 'accept': {
      const { level, objection } = authority(message, from, parts);
      return { wallMs, level, artifact: objection, approval: approval(message, from, parts) };
    }
    default:
      return { wallMs };
  }
}

type Bound = Extract<ToNode, { kind: 'reserve' | 'accept' }>;

/** Spec fog/R11: the delegation, the matrix of the village and what the operator asks; nothing that the owner says. */
function authority(
  { agent, delegation }: Bound,
  from: string,
  parts: CheckParts,
): { readonly level?: Level | undefined; readonly objection?: Objection | undefined } {
  const principal = from === parts.nodeId ? parts.ownPrincipal(agent) : delegated(delegation, from, parts);
  if (principal === undefined || principal.agentId !== agent) return {};
  const { level } = principal;
  const verdict = decide(
    principal,
    { server: undefined, name: DEPLOY_TOOL },
    parts.policy().permissionFor(DEPLOY_TOOL),
  );
  if (verdict.kind === 'deny') return { level, objection: refused(`${agent} may not deploy: ${verdict.because}`) };
  const least = parts.minLevel();
  if (from === parts.nodeId || atLeast(level, least)) return { level };
  return { level, objection: refused(`takes work from level ${least} on`) };
}

function delegated(delegation: string | undefined, from: string, parts: CheckParts): Principal | undefined {
  if (delegation === undefined) return undefined;
  const verdict = parts.accept(delegation, from);
  return verdict.kind === 'accepted' ? verdict.principal : undefined;
}

function approval({ receipt, agent }: Bound, owner: string, { villageId }: CheckParts): Checks['approval'] {
  return approvalIn(receipt, { villageId, owner, agent });
}

async function judge(
  asked: Parameters<ArtifactPort['judge']>[0],
  from: string,
  { artifacts }: CheckParts,
): Promise<{ readonly objection?: Objection; readonly warm: boolean }> {
  const verdict = await artifacts.judge(asked, { from, signal: AbortSignal.timeout(JUDGE_MS) });
  if (verdict.kind === 'runnable') return { warm: verdict.warm };
  return { objection: { code: verdict.code, detail: verdict.detail.slice(0, 256) }, warm: false };
}

function refused(detail: string): Objection {
  return { code: 'REFUSED_POLICY', detail: detail.slice(0, 256) };
}
