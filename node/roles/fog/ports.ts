import type { FogOffice } from '../../fog/index.ts';

export interface FogRoleParts {
  readonly office: FogOffice;
  readonly nodeId: string;
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
  /** Milliseconds since this machine booted: the clock of what is remembered of shards. */
  readonly boottimeMs: () => number;
}
