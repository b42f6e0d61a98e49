import type { Membership, MembershipRefusal, MembershipVerdict } from '../../src/constitution/index.ts';
import type { HelloReason } from '../wire/index.ts';
import type { Introduction } from './schema.ts';

/** What a node must know to greet. Nothing here touches the network. */
export interface HelloDesk {
  /** What we say of ourselves, made for this greeting. */
  introduce(): Introduction;
  /** Whether `chain` proves that `nodeId`, whose key the connection has proven, belongs to this village. */
  verify(chain: readonly string[], nodeId: string): MembershipVerdict;
  /** The responder has verified the dialer: its streams may be accepted from here on. */
  verified?(greeted: Greeted): void;
}

/** A peer that has proven its membership. */
export interface Greeted {
  readonly nodeId: string;
  readonly membership: Membership;
  readonly bootSeq: number;
  /** Its clock minus ours when its hello was read, milliseconds; the message's travel is in it. */
  readonly clockSkewMs: number;
  readonly protocols: Readonly<Record<string, readonly number[]>>;
}

/** `by`: who said no. */
export type Greeting =
  | { readonly kind: 'greeted'; readonly peer: Greeted }
  | { readonly kind: 'refused'; readonly by: 'us' | 'them'; readonly because: HelloReason };

/** Judges what `nodeId` said of itself against what we would say. */
export function judge(
  theirs: Introduction,
  ours: Introduction,
  { nodeId, desk }: { readonly nodeId: string; readonly desk: HelloDesk },
): Greeting {
  if (theirs.village !== ours.village) return { kind: 'refused', by: 'us', because: 'other-village' };
  const verdict = desk.verify(theirs.chain, nodeId);
  if (verdict.kind === 'refused') return { kind: 'refused', by: 'us', because: REASON_OF[verdict.because] };
  return {
    kind: 'greeted',
    peer: {
      nodeId,
      membership: verdict.membership,
      bootSeq: theirs.boot_seq,
      clockSkewMs: theirs.now_ms - ours.now_ms,
      protocols: theirs.protocols,
    },
  };
}

// A peer hears whether renewing or asking again could help, not where its chain broke.
const REASON_OF: Readonly<Record<MembershipRefusal, HelloReason>> = {
  malformed: 'malformed',
  'too-long': 'malformed',
  'bad-signature': 'not-a-member',
  'foreign-village': 'other-village',
  'other-node': 'not-a-member',
  'broken-chain': 'not-a-member',
  'may-not-invite': 'not-a-member',
  widened: 'not-a-member',
  'not-yet-valid': 'not-a-member',
  expired: 'expired',
  evicted: 'evicted',
  held: 'held',
};
