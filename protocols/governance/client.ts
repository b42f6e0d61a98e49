import type { Stream } from '@libp2p/interface';
import type { z } from 'zod';
import { type Deadline, jsonStream, WireError } from '../wire/index.ts';
import { isAfter } from './handler.ts';
import {
  type Cursor,
  GOVERNANCE,
  type Held,
  MAX_ASK_BYTES,
  ReceiptPage,
  SponsorReply,
  StatementPage,
} from './schema.ts';

export interface StatementQuestion {
  readonly held: Readonly<Record<string, Held>>;
  readonly after?: Cursor | undefined;
}

/** Asks the peer at the other end of `stream` for statements that we lack. Nothing is verified. Errors: WireError. */
export async function askStatements(
  stream: Stream,
  { held, after }: StatementQuestion,
  deadline: Deadline,
): Promise<StatementPage> {
  const page = await ask(stream, { v: 1, ask: 'statements', held, after }, { shape: StatementPage, deadline });
  // Spec governance/R5: a page that leads nowhere, or back, would keep us asking for ever.
  if (
    page.next !== undefined &&
    (page.statements.length === 0 || (after !== undefined && !isAfter(page.next, after)))
  ) {
    throw new WireError('WIRE_MALFORMED', 'a page that does not lead on');
  }
  return page;
}

export interface ReceiptQuestion {
  readonly digest?: string | undefined;
  readonly after?: string | undefined;
}

/** Asks for the receipts of all nodes. Nothing is verified. Errors: WireError. */
export async function askReceipts(
  stream: Stream,
  { digest, after }: ReceiptQuestion,
  deadline: Deadline,
): Promise<ReceiptPage> {
  const page = await ask(stream, { v: 1, ask: 'receipts', digest, after }, { shape: ReceiptPage, deadline });
  if (page.next !== undefined && (page.receipts.length === 0 || page.next <= (after ?? ''))) {
    throw new WireError('WIRE_MALFORMED', 'a page that does not lead on');
  }
  return page;
}

/** Asks for a proposal of a call that needs a vote. What comes back is not verified. Errors: WireError. */
export async function askSponsor(stream: Stream, request: string, deadline: Deadline): Promise<SponsorReply> {
  return ask(stream, { v: 1, ask: 'sponsor', request }, { shape: SponsorReply, deadline });
}

async function ask<Shape extends z.ZodType>(
  stream: Stream,
  question: object,
  { shape, deadline }: { readonly shape: Shape; readonly deadline: Deadline },
): Promise<z.infer<Shape>> {
  const wire = jsonStream(stream, { maxMessageBytes: GOVERNANCE.maxMessageBytes, maxWrittenBytes: MAX_ASK_BYTES });
  await wire.write(question, deadline);
  const page = await wire.read(shape, deadline);
  await wire.close(deadline);
  return page;
}
