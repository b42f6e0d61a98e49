import { z } from 'zod';
import type { LedgerView } from '../../fog/index.ts';
import { amounts } from './answers.ts';
import { Amounts } from './shapes.ts';

export const LedgerRow = z.object({
  node_id: z.string(),
  boot_seq: z.int(),
  capacity: Amounts,
  free: Amounts,
  held: Amounts,
  committed: Amounts,
  promised: Amounts,
  free_gpu_ids: z.array(z.string()),
  shards: z.int(),
  max_shards: z.int(),
  draining: z.boolean(),
  power: z.string(),
  enforcement: z.array(z.string()),
});

export function ledgerRow(ledger: LedgerView): z.input<typeof LedgerRow> {
  const { capacity, free, held, committed, promised } = ledger;
  return {
    node_id: ledger.nodeId,
    boot_seq: ledger.bootSeq,
    capacity: amounts(capacity),
    free: amounts(free),
    held: amounts(held),
    committed: amounts(committed),
    promised: amounts(promised),
    free_gpu_ids: [...ledger.freeGpuIds],
    shards: ledger.shards,
    max_shards: ledger.maxShards,
    draining: ledger.draining,
    power: ledger.power,
    enforcement: [...ledger.enforcement],
  };
}
