import { z } from 'zod';
import { Resources } from './resources.ts';
import { DeploymentId } from './spec.ts';

const Count = z.int().nonnegative();

/** Where the slots of a deployment are, signed by its owner. `(term, rev)` orders the versions. */
export const ShardMap = z.strictObject({
  v: z.literal(1),
  village: z.string().regex(/^[0-9a-f]{64}$/),
  owner: z.string().min(1).max(128),
  deployment: DeploymentId,
  agentType: z.string().max(64),
  term: Count,
  rev: Count,
  /** What the owner has everywhere: the sum that one node alone can't see. */
  total: Resources,
  slots: z
    .array(
      z.strictObject({
        slot: z.int().min(0).max(4_095),
        epoch: Count,
        /** null: nowhere. */
        node: z.string().min(1).max(128).nullable(),
        placementId: z.string().max(96).nullable(),
        addrs: z.array(z.string().max(256)).max(8),
        state: z.enum(['running', 'starting', 'fenced', 'down']),
      }),
    )
    .max(64),
});
export type ShardMap = z.infer<typeof ShardMap>;
