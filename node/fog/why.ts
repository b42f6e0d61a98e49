import type { OwnerState } from '../../src/fog/index.ts';
import type { DeploymentView, ShardView } from './desk.ts';
import { votesFor } from './plan.ts';
import { whyOf } from './views.ts';

interface WhyParts {
  readonly owner: OwnerState;
  readonly nowMs: number;
  /** Nodes of which an advertisement is known that still holds. */
  readonly known: number;
}

/** One sentence for who asks why a shard is where it is, or nowhere. */
export function whyIs(shard: ShardView, view: DeploymentView, parts: WhyParts): string {
  const { shardId, status, epoch } = shard;
  const where = shard.nodeId === undefined ? '' : ` on ${shard.nodeId}`;
  const stands = `${shardId} is ${status.replace('_', ' ')}${where}, epoch ${epoch}`;
  const why = reasonOf(shard, view, parts);
  return why === undefined ? stands : `${stands}: ${why}`;
}

function reasonOf(shard: ShardView, view: DeploymentView, { owner, nowMs, known }: WhyParts): string | undefined {
  const deployment = owner.deployments.get(view.deployment);
  const slot = shard.owner === owner.config.node ? owner.slots.get(view.deployment)?.get(shard.slot) : undefined;
  if (deployment === undefined || slot === undefined) return 'so says the map of its owner';
  switch (shard.status) {
    case 'awaiting_vote': {
      const reasons = votesFor(owner, deployment).join(', ');
      const because = reasons === '' ? '' : `, because with all that had no vote it makes ${reasons}`;
      return `the village is asked${because} (proposal ${view.proposalId ?? 'not made yet'})`;
    }
    case 'blocked':
    case 'failed':
      return `${whyOf(view.refusal?.perNode ?? [])} (${known} known)`;
    case 'unknown': {
      if (slot.holder === undefined) return undefined;
      const silentMs = nowMs - slot.holder.heardMs;
      const leftMs = Math.max(0, slot.holder.reclaimMs - nowMs);
      const next =
        deployment.spec.mode === 'exclusive'
          ? `no other copy begins before its lease is surely over, in ${seconds(leftMs)} s`
          : 'another copy is begun elsewhere meanwhile';
      return `its node has been silent for ${seconds(silentMs)} s and may still run it; ${next}`;
    }
    case 'running': {
      const before = slot.history.at(-1);
      return before === undefined
        ? undefined
        : `before that it was on ${before.node}, epoch ${before.epoch}, and ended there: ${before.because}${before.detail === '' ? '' : ` (${before.detail})`}`;
    }
    default:
      return undefined;
  }
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1_000);
}
