import type { Stream } from '@libp2p/interface';
import { type Deadline, jsonStream } from '../wire/index.ts';
import { type Answer, Ask, AUDIT, MAX_ASK_BYTES } from './schema.ts';

/** What a witness answers. What it says it holds is on its disk when the promise resolves. */
export interface WitnessDesk {
  /** `head` is not verified. */
  answer(ask: { readonly head?: string | undefined }): Promise<Answer>;
}

/** Answers one request of an admitted peer and ends the stream. Errors: WireError, the stream aborted. */
export async function answerAudit(stream: Stream, desk: WitnessDesk, deadline: Deadline): Promise<void> {
  const wire = jsonStream(stream, { maxMessageBytes: MAX_ASK_BYTES, maxWrittenBytes: AUDIT.maxMessageBytes });
  const { head } = await wire.read(Ask, deadline);
  await wire.write(await desk.answer({ head }), deadline);
  await wire.close(deadline);
}
