import type { Artifacts } from './artifacts/index.ts';

/** What this node knows of what a shard may be. */
export type ArtifactPort = Pick<Artifacts, 'judge' | 'prepare' | 'names'>;

export interface FogClock {
  /** Milliseconds since the machine booted, sleep included. */
  boottimeMs(): number;
  /** Milliseconds on a clock that never steps and is finer than the boot-time clock. */
  now(): number;
  /** Milliseconds since 1970. */
  wallMs(): number;
  /** 0 ≤ chance < 1. */
  chance(): number;
  /** Runs once after `ms`, unless cancelled by the function returned. Does not keep the process alive. */
  after(ms: number, run: () => void): () => void;
}
