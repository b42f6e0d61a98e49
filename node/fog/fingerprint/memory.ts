import { totalmem } from 'node:os';

const MIB = 1024 * 1024;

export interface MemorySources {
  /** Bytes. */
  readonly total: number;
  /** Bytes; 0 or an absurd number where nothing constrains the process. */
  readonly constrained: number;
}

/** MiB this process may use: the machine's, or what its control group allows where that is less. */
export function measuredMemMib(
  { total, constrained }: MemorySources = { total: totalmem(), constrained: process.constrainedMemory() },
): number {
  const sane = Number.isFinite(constrained) && constrained > 0 && constrained < total;
  return Math.floor((sane ? constrained : total) / MIB);
}
