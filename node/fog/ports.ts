import type { Objection } from '../../src/fog/index.ts';
import type { Program } from './runner/index.ts';

/** What this node knows of what a shard may be. */
export interface ArtifactPort {
  /** What it can run, as advertised: `role:NAME`, `cmd:NAME@VERSION`, `mod`. */
  runtimes(): readonly string[];
  /** What stands against running it here. Never rejects. */
  judge(artifact: string, options: { readonly signal: AbortSignal }): Promise<Judged>;
  /** Fetches it where it is not here, and checks it again. Errors: with a closed `code`. */
  resolve(
    artifact: string,
    options: { readonly env: Readonly<Record<string, string>>; readonly signal: AbortSignal },
  ): Promise<Program>;
}

export interface Judged {
  readonly objection?: Objection | undefined;
  readonly publisherKnown: boolean;
  /** It is here already. */
  readonly warm: boolean;
}

export interface FogClock {
  /** Milliseconds since the machine booted, sleep included. */
  boottimeMs(): number;
  /** Milliseconds since 1970. */
  wallMs(): number;
  /** 0 ≤ chance < 1. */
  chance(): number;
  /** Runs once after `ms`, unless cancelled by the function returned. Does not keep the process alive. */
  after(ms: number, run: () => void): () => void;
}
