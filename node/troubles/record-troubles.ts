import type { WitnessStatus } from '../witness/index.ts';
import type { RecentTroubles } from './recent.ts';
import type { Trouble } from './trouble.ts';

export interface RecordTroubleParts {
  readonly failure: () => Error | undefined;
  /** Room left for this process on the disk of the data folder; undefined: nobody can say. */
  readonly freeBytes: () => number | undefined;
  /** Entries that wait for a witness, and for how long the oldest does at most. */
  readonly unwitnessed: () => { readonly entries: number; readonly seconds: number };
  readonly witnesses: () => WitnessStatus;
  /** How long entries should wait at most. */
  readonly everySeconds: () => number;
  readonly peers: () => number;
  readonly recent: Pick<RecentTroubles, 'lasting' | 'failures'>;
}

/** So many times longer than they should wait. */
const OVERDUE = 10;
const LOW_MIB = 256;

/** What is wrong with the record of this node, and with what others hold of it. */
export function* recordTroubles(parts: RecordTroubleParts): Iterable<Trouble> {
  const { failure, recent } = parts;
  const failed = failure();
  if (failed !== undefined) {
    yield {
      kind: 'audit-unwritable',
      sinceMs: recent.lasting('audit')?.sinceMs,
      found: failed.message,
      means: 'calls that must be on record are refused; the others go on and are kept in memory as far as that goes',
      remedy: 'look at the disk of the data folder: whether it is full, read-only or failing (`village doctor`)',
    };
  }
  const freeMib = (parts.freeBytes() ?? Number.POSITIVE_INFINITY) / 1024 ** 2;
  if (freeMib < LOW_MIB) {
    yield {
      kind: 'disk-low',
      found: `the disk of the data folder has ${Math.floor(freeMib)} MiB left`,
      means: 'when it is full, what must be on record is refused, and votes and placements stop here',
      remedy: 'make room there; `audit.retention_days` says how long the log is kept',
    };
  }
  const { contradicted, evidence } = parts.witnesses();
  for (const { by, kind, seq } of contradicted) {
    yield {
      kind: 'audit-contradicted',
      of: by,
      found: `${OURS[kind]}: ${by} holds another entry ${seq} of it`,
      means: 'nobody can believe this log from that entry on',
      remedy:
        'if its data folder was put back from a copy, that is why; else find out who had access to it (`village audit verify`)',
    };
  }
  for (const { node, kind, seq } of evidence) {
    yield {
      kind: 'audit-of-another',
      of: node,
      found: `the audit log of node ${node} ${THEIRS[kind]} (entry ${seq}): the proof is kept here`,
      means: 'what that node says of the past is not to be believed from that entry on',
      remedy: 'ask its operator; the voters can put it out (`nodes.evicted`)',
    };
  }
  yield* unwitnessed(parts);
  for (const { of, count, firstMs } of recent.failures()) {
    yield {
      kind: 'background-failures',
      of,
      sinceMs: firstMs,
      found: `work in the background failed ${count === 1 ? 'once' : `${count} times`} of late (${of})`,
      means: 'nobody waited for it; what it was to do is not done, or was tried again',
      remedy: 'the log says why (background.failed); a full or failing disk is the usual reason',
    };
  }
}

function* unwitnessed(parts: RecordTroubleParts): Iterable<Trouble> {
  const { entries, seconds } = parts.unwitnessed();
  if (parts.peers() === 0) {
    if (parts.witnesses().witnesses > 0 || entries === 0) return; // that no node is connected is said elsewhere
    yield {
      kind: 'audit-alone',
      isNote: true,
      found: 'this village has no other node, so that nobody witnesses the audit log',
      means: 'who has its keys and its disk could rewrite all of it unseen',
      remedy: 'nothing, if one node is what is wanted; a second (`village invite`) is a witness',
    };
    return;
  }
  if (entries === 0 || seconds < OVERDUE * parts.everySeconds()) return;
  yield {
    kind: 'audit-unwitnessed',
    sinceMs: Date.now() - seconds * 1000,
    found: `${entries} audit entries wait for a witness for ${Math.round(seconds)} s`,
    means: 'what they say could still be rewritten here unseen',
    remedy: 'see that the peers (`village peers`) run this version and answer; witnesses are asked again by themselves',
  };
}

const OURS = {
  rewritten: 'the audit log of this node was rewritten',
  'rolled-back': 'the audit log of this node lost its end, or is an older copy',
  fork: 'this node signed two different audit logs',
} as const;
const THEIRS = { fork: 'was rewritten, or exists twice', 'rolled-back': 'lost its end, or is an older copy' } as const;
