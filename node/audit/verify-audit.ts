import {
  type AuditCheckpoint,
  type AuditHead,
  type ChainReport,
  ChainVerifier,
  CHECKPOINTS,
  ENTRY_KEYS,
  entryKey,
  HEAD_KEYS,
  headKey,
  NEWEST_HEADS,
  openRecord,
  seqOfKey,
  verifyCheckpoint,
  verifyHead,
  type WitnessedEntry,
} from '../../src/audit/index.ts';
import { text } from '../../src/kernel/index.ts';
import type { Store } from '../storage/index.ts';

export interface AuditOwner {
  readonly villageId: string;
  readonly nodeId: string;
  /** The key that signs heads: raw Ed25519, 32 bytes. */
  readonly issuerKey: Uint8Array;
}

export interface SeqRange {
  /** First and last entry, both included; all by default. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

/** Entries behind a missing one among which it is looked for: it may only have been moved. */
const LOOKED_AT_BEHIND = 4_096;

/** Reads the log in `store` from `from` to `to` and says how far it is intact. An empty log is intact. */
export async function verifyAudit(
  store: Pick<Store, 'entries'>,
  options: AuditOwner &
    SeqRange & {
      /** What witnesses vouch for; undefined: nobody was asked. */
      readonly witnessed?: readonly WitnessedEntry[] | undefined;
      readonly signal?: AbortSignal | undefined;
    },
): Promise<ChainReport> {
  const { villageId, nodeId, witnessed, to = Number.MAX_SAFE_INTEGER, signal } = options;
  // What was left out for its age is vouched for by the checkpoint; it is looked for nowhere else.
  const checkpoint = await checkpointOf(store, options);
  const from = Math.max(options.from ?? 1, (checkpoint?.seq ?? 0) + 1);
  // Heads first: they never name an entry that is not yet in the store.
  const heads = await headsIn(store, { ...options, from });
  const before = from - 1 === checkpoint?.seq ? checkpoint.hash : await hashBefore(store, from);
  const after = before === undefined ? undefined : { seq: from - 1, hash: before };
  const verifier = new ChainVerifier({ villageId, nodeId, heads, after, witnessed });
  if (from > 1 && after === undefined) {
    const message = `entry ${from - 1}, which the range starts from, is missing or damaged`;
    return { ...verifier.end(0), ok: false, brokenAt: { seq: from - 1, kind: 'missing', message } };
  }
  if (to < from) return verifier.end(0);
  const range = {
    gte: from > 1 ? entryKey(from) : ENTRY_KEYS.gte,
    lt: to < Number.MAX_SAFE_INTEGER ? entryKey(to + 1) : ENTRY_KEYS.lt,
  };
  let late = 0;
  for await (const [key, value] of store.entries(range)) {
    signal?.throwIfAborted();
    verifier.next(seqOfKey(key), value);
    if (verifier.broken === undefined) continue;
    if (verifier.broken.kind !== 'missing' || (late += 1) > LOOKED_AT_BEHIND) break;
  }
  return verifier.end(to);
}

/** Entry number → the hash its signed head states; a head that this node did not sign states none. */
async function headsIn(store: Pick<Store, 'entries'>, options: AuditOwner & SeqRange): Promise<Map<number, string>> {
  const { from = 1, to = Number.MAX_SAFE_INTEGER } = options;
  const heads = new Map<number, string>();
  const range = { gte: headKey(from), lt: to < Number.MAX_SAFE_INTEGER ? headKey(to + 1) : HEAD_KEYS.lt };
  for await (const [key, value] of store.entries(range)) {
    const seq = seqOfKey(key);
    if (seq !== undefined) heads.set(seq, headHash(value, seq, options));
  }
  for await (const [, value] of store.entries(NEWEST_HEADS)) {
    const head = headIn(value, options);
    if (head === undefined || head.seq < from || head.seq > to) continue;
    const known = heads.get(head.seq) ?? head.hash;
    heads.set(head.seq, known === head.hash ? known : 'signed twice, as two entries');
  }
  return heads;
}

function headHash(value: Uint8Array, seq: number, owner: AuditOwner): string {
  const head = headIn(value, owner);
  return head?.seq === seq ? head.hash : 'not signed by this node';
}

/** Undefined: not one that this node signed. */
export function headIn(value: Uint8Array, owner: AuditOwner): AuditHead | undefined {
  try {
    return verifyHead(text(value), owner);
  } catch {
    return undefined; // not a text
  }
}

function hashBefore(store: Pick<Store, 'entries'>, from: number): Promise<string | undefined> | undefined {
  return from > 1 ? hashAt(store, from - 1) : undefined;
}

async function checkpointOf(store: Pick<Store, 'entries'>, owner: AuditOwner): Promise<AuditCheckpoint | undefined> {
  for await (const [, value] of store.entries(CHECKPOINTS)) return checkpointIn(value, owner);
  return undefined;
}

/** Undefined: not one that this node signed. */
export function checkpointIn(value: Uint8Array, owner: AuditOwner): AuditCheckpoint | undefined {
  try {
    return verifyCheckpoint(text(value), owner);
  } catch {
    return undefined; // not a text
  }
}

/** What the log holds as the hash of entry `seq`; undefined: it has none. Whether it is true is for the chain to say. */
export async function hashAt(store: Pick<Store, 'entries'>, seq: number): Promise<string | undefined> {
  for await (const [, value] of store.entries({ gte: entryKey(seq), lt: entryKey(seq + 1) })) {
    return openRecord(value)?.hash;
  }
  return undefined;
}
