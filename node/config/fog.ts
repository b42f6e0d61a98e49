import { z } from 'zod';
import { LEVELS } from '../../src/permissions/index.ts';

/** A name by which peers ask for a program that this node's operator allows: never a command line. */
const ArtifactName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9_.-]{0,63}(?:@[A-Za-z0-9][A-Za-z0-9_.-]{0,31})?$/,
    'an artifact name, as worker or worker@1.2',
  );
const LabelName = z.string().regex(/^[a-z0-9][a-z0-9_./-]{0,62}$/, 'a label: a–z 0–9 _ . / -');

/** What this node gives to the village, and under which conditions. */
export const FogConfig = z.strictObject({
  offer: z
    .boolean()
    .default(true)
    .describe('false: no shard of others runs here; this node may still deploy elsewhere'),
  capacity: z
    .strictObject({
      cpu_cores: z.number().nonnegative().max(4_096).optional().describe('cores, or parts of one'),
      memory_gb: z.number().nonnegative().max(65_536).optional().describe('GiB'),
      disk_gb: z.number().nonnegative().max(1_048_576).optional().describe('GiB'),
      gpus: z.int().nonnegative().max(64).optional().describe('how many'),
    })
    .prefault({})
    .describe('overrides what is measured; without it 80 % of what the machine has is offered'),
  labels: z
    .record(LabelName, z.string().max(128))
    .default({})
    .describe('told to the village; deployments can ask for them'),
  minLevel: z.enum(LEVELS).default('OPERATOR').describe('the level that an agent needs to place work here'),
  artifacts: z
    .record(
      ArtifactName,
      z.strictObject({
        command: z.string().min(1).describe('the program'),
        args: z.array(z.string()).default([]).describe('its arguments'),
        env: z.record(z.string(), z.string()).default({}).describe('variables that it gets'),
      }),
    )
    .default({})
    .describe('programs that a shard may be, as cmd:NAME'),
  publishers: z
    .array(z.string().min(1).max(128))
    .default([])
    .describe('node ids whose signed modules may run here; this node’s own always may'),
});
export type FogConfig = z.infer<typeof FogConfig>;
