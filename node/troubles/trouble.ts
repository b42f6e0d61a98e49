import type { PartKind } from '../../src/routing/index.ts';
import type { TroubleRow } from '../admin/index.ts';

/** Something that an operator should know of. */
export interface Trouble {
  /** A word for it that stays the same, for programs. */
  readonly kind: TroubleKind;
  /** What has it: a server, a tool, a node, an agent … */
  readonly of?: string | undefined;
  /** Since when, Unix milliseconds; absent: nobody noted it. */
  readonly sinceMs?: number | undefined;
  /** What is the matter, in a sentence without its end. */
  readonly found: string;
  /** What it means for who uses the village. */
  readonly means: string;
  /** What to do about it. */
  readonly remedy: string;
  /** It may well be meant so, and is no fault. */
  readonly isNote?: boolean;
}

export type TroubleKind =
  | 'server-down'
  | 'server-degraded'
  | 'server-missing'
  | 'server-unlisted'
  | `${PartKind}-changed`
  | 'replica-failing'
  | 'replica-ejected'
  | 'overload'
  | 'agent-quarantined'
  | 'tokens-refused'
  | 'peer-denied'
  | 'peer-refused'
  | 'peer-other-revision'
  | 'clock-differs'
  | 'no-peers'
  | 'revocation-ignored'
  | 'membership-ended'
  | 'membership-ending'
  | 'certificate-ending'
  | 'certificate-unusable'
  | 'gateway-plain'
  | 'config-unusable'
  | 'voters-together'
  | 'governance'
  | 'policy-names-nobody'
  | 'fog'
  | 'audit-unwritable'
  | 'audit-contradicted'
  | 'audit-of-another'
  | 'audit-unwitnessed'
  | 'audit-alone'
  | 'disk-low'
  | 'background-failures'
  | 'telemetry-failing';

/** As an operator's program reads it. */
export function shownTrouble({ kind, of, sinceMs, found, means, remedy, isNote }: Trouble): TroubleRow {
  const since = sinceMs === undefined ? undefined : new Date(sinceMs).toISOString();
  return { kind, of, since, found, means, remedy, note: isNote };
}

/** In a line; notes are none. */
export function warningsIn(troubles: readonly Trouble[]): string[] {
  return troubles.filter(({ isNote }) => isNote !== true).map(({ found, remedy }) => `${found}: ${remedy}`);
}
