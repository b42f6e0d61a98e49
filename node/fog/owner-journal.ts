import { z } from 'zod';
import { Approval, DeploymentId, type OwnerBoot, type OwnerEntry, ShardSpec } from '../../src/fog/index.ts';
import { utf8 } from '../../src/kernel/index.ts';
import type { Store, StoreChange } from '../storage/index.ts';
import { fromJson } from './node-journal.ts';

const Count = z.int().nonnegative();
const Id = z.string().min(1).max(128);
const Deployed = z.strictObject({
  deployment: DeploymentId,
  agent: z.string().min(1).max(64),
  spec: ShardSpec,
  slots: Count,
  target: Id.exactOptional(),
  allowFallback: z.boolean(),
  gang: z.boolean(),
  spread: z.boolean(),
  publisherKnown: z.boolean(),
  digest: z.string().length(64),
  term: Count,
  vote: z.enum(['not-needed', 'awaited', 'approved', 'rejected']),
  approval: Approval.exactOptional(),
  stopping: z.boolean(),
  mapRev: Count,
});
const Slot = z.strictObject({
  deployment: DeploymentId,
  slot: Count,
  epoch: Count,
  holder: z
    .strictObject({
      reservationId: Id,
      node: Id,
      epoch: Count,
      bootSeq: Count,
      nonce: Id,
      leaseMs: Count,
    })
    .exactOptional(),
});
/** What an owner knows of a deployment besides its machine: by which proposal the village allowed it. */
const Vote = z.strictObject({ proposalId: z.string().regex(/^[0-9a-f]{64}$/) });

/** What of this node's deployments must outlive it: what is wanted, and which attempts may run. */
export class OwnerJournal {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Resolves after fsync. */
  async write(entries: readonly OwnerEntry[]): Promise<void> {
    await this.#store.batch(entries.flatMap(changesOf), { sync: true });
  }

  async writeVote(deployment: string, proposalId: string): Promise<void> {
    await this.#store.batch([put(`vote/${deployment}`, { proposalId })], { sync: true });
  }

  /** Errors: STORE_FAILED; FogError JOURNAL_DAMAGED. */
  async load(): Promise<Pick<OwnerBoot, 'deployments' | 'slots'> & { readonly votes: ReadonlyMap<string, string> }> {
    const deployments: z.infer<typeof Deployed>[] = [];
    const slots: z.infer<typeof Slot>[] = [];
    const votes = new Map<string, string>();
    for await (const [key, bytes] of this.#store.entries()) {
      if (key.startsWith('deployment/')) deployments.push(fromJson(Deployed, key, bytes));
      else if (key.startsWith('slot/')) slots.push(fromJson(Slot, key, bytes));
      else if (key.startsWith('vote/')) votes.set(key.slice('vote/'.length), fromJson(Vote, key, bytes).proposalId);
    }
    return { deployments, slots, votes };
  }
}

function changesOf(entry: OwnerEntry): readonly StoreChange[] {
  const { deployment } = entry;
  switch (entry.kind) {
    case 'deployment':
      return [put(`deployment/${entry.deployment.deployment}`, entry.deployment)];
    case 'removed':
      return [
        { type: 'del', key: `deployment/${entry.deployment}` },
        { type: 'del', key: `vote/${entry.deployment}` },
      ];
    case 'attempt': {
      const { slot, holder } = entry;
      return [put(`slot/${entry.deployment}/${slot}`, { deployment, slot, epoch: holder.epoch, holder })];
    }
    case 'ended': {
      const { slot, epoch } = entry;
      return [put(`slot/${entry.deployment}/${slot}`, { deployment, slot, epoch })];
    }
  }
}

function put(key: string, value: unknown): StoreChange {
  return { type: 'put', key, value: utf8(JSON.stringify(value)) };
}
