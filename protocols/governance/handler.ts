import type { Stream } from '@libp2p/interface';
import { type Deadline, jsonStream } from '../wire/index.ts';
import { lackedOf, type Logged } from './held.ts';
import {
  Ask,
  type CarriedReceipt,
  type Cursor,
  GOVERNANCE,
  type Held,
  MAX_ASK_BYTES,
  MAX_PAGE_RECEIPTS,
  MAX_PAGE_STATEMENTS,
  PAGE_ROOM_BYTES,
  type ReceiptPage,
  type SponsorReply,
  type StatementPage,
} from './schema.ts';

/** What a node must know to answer. Nothing here touches the network. */
export interface GovernanceShelf {
  /** Every voter's log, by name; each in the order of sequence numbers, then ids. */
  logs(): ReadonlyMap<string, readonly Logged[]>;
  /** The newest receipt of each node, in the order of node ids. */
  receipts(): readonly (CarriedReceipt & { readonly nodeId: string })[];
  /** SHA-256 over the hashes of all receipts in that order, each followed by a newline; 32 hex digits. */
  receiptsDigest(): string;
  /** Signs for a call that the peer at the other end asks for, if a voter here will. Never rejects. */
  sponsor(request: string): Promise<SponsorReply>;
}

/** Answers one request of an admitted peer and ends the stream. Errors: WireError, the stream aborted. */
export async function answerGovernance(stream: Stream, shelf: GovernanceShelf, deadline: Deadline): Promise<void> {
  const { maxMessageBytes } = GOVERNANCE;
  const wire = jsonStream(stream, { maxMessageBytes: MAX_ASK_BYTES, maxWrittenBytes: maxMessageBytes });
  const ask = await wire.read(Ask, deadline);
  if (ask.ask === 'sponsor') {
    await wire.write(await shelf.sponsor(ask.request), deadline);
    return wire.close(deadline);
  }
  await wire.write(
    ask.ask === 'statements' ? statementPage(shelf, ask.held, ask.after) : receiptPage(shelf, ask.digest, ask.after),
    deadline,
  );
  await wire.close(deadline);
}

function statementPage(
  shelf: GovernanceShelf,
  held: Readonly<Record<string, Held>>,
  after: Cursor | undefined,
): StatementPage {
  const statements: string[] = [];
  let room = GOVERNANCE.maxMessageBytes - PAGE_ROOM_BYTES;
  let last: Cursor | undefined;
  for (const log of [...shelf.logs().keys()].sort()) {
    if (after !== undefined && log < after.log) continue;
    const theirs = Object.hasOwn(held, log) ? held[log] : undefined;
    for (const { seq, id, jws } of lackedOf(shelf.logs().get(log) ?? [], theirs)) {
      if (after !== undefined && !isAfter({ log, seq, id }, after)) continue;
      room -= jws.length + 3;
      if (room < 0 || statements.length === MAX_PAGE_STATEMENTS) return { v: 1, statements, next: last };
      statements.push(jws);
      last = { log, seq, id };
    }
  }
  return { v: 1, statements };
}

/** Whether a cursor lies after another one, in the order in which statements are given. */
export function isAfter(one: Cursor, other: Cursor): boolean {
  if (one.log !== other.log) return one.log > other.log;
  if (one.seq !== other.seq) return one.seq > other.seq;
  return one.id > other.id;
}

function receiptPage(shelf: GovernanceShelf, digest: string | undefined, after: string | undefined): ReceiptPage {
  const receipts: CarriedReceipt[] = [];
  if (digest === shelf.receiptsDigest()) return { v: 1, receipts };
  let room = GOVERNANCE.maxMessageBytes - PAGE_ROOM_BYTES;
  let last: string | undefined;
  for (const { nodeId, receipt, chain } of shelf.receipts()) {
    if (after !== undefined && nodeId <= after) continue;
    room -= JSON.stringify({ receipt, chain }).length + 1;
    if (room < 0 || receipts.length === MAX_PAGE_RECEIPTS) return { v: 1, receipts, next: last };
    receipts.push({ receipt, chain });
    last = nodeId;
  }
  return { v: 1, receipts };
}
