import type { Store } from '../storage/index.ts';
import { CallJournal } from './call-journal.ts';
import { Chronicle } from './chronicle.ts';
import type { SpreadParts, VoterKeys } from './ports.ts';
import { ReceiptBook } from './receipt-book.ts';
import { Signer } from './signer.ts';

export interface GovernanceParts extends SpreadParts {
  readonly store: Store;
  readonly keys: VoterKeys;
  /** A compact JWS by the key of this node's PeerId. */
  readonly sign: (typ: string, payload: Readonly<Record<string, unknown>>) => string;
  /** The village has no other nodes that anybody could know of. */
  readonly alone: () => boolean;
  /** The disk was put back from a copy: it may lack what it held once. */
  readonly restored?: boolean | undefined;
}

export interface Opened {
  readonly chronicle: Chronicle;
  readonly receipts: ReceiptBook;
  readonly signer: Signer;
  readonly journal: CallJournal;
}

/** Reads what is on disk. */
export async function openParts(parts: GovernanceParts): Promise<Opened> {
  const { village, store, clock, reporter, keys, alone, host } = parts;
  const { constitution, villageId } = village;
  const chronicle = await Chronicle.open({ constitution, store, reporter, wallMs: () => clock.wallMs() });
  const verify = (chain: readonly string[], nodeId: string) => village.verify(chain, nodeId);
  const receipts = await ReceiptBook.open({ store, villageId, verify, now: () => clock.now() });
  const halted = (voter: string) => reporter.report('governance.halted', { voter });
  const others = (nodes: Iterable<string>) => [...nodes].filter((nodeId) => nodeId !== host.nodeId);
  const reach = {
    alone,
    connected: () => host.admitted().keys(),
    homes: () => others(chronicle.ledger.homes()),
    known: () => others(receipts.list().map(({ nodeId }) => nodeId)),
  };
  const { restored = false } = parts;
  const signer = await Signer.open({ chronicle, villageId, keys, clock, store, reach, restored, halted });
  const journal = await CallJournal.open(store);
  if (restored) await journal.distrustBefore(clock.wallMs());
  return { chronicle, receipts, signer, journal };
}
