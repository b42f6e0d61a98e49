import type { Stream } from '@libp2p/interface';
import { type Deadline, jsonStream, WireError } from '../wire/index.ts';
import { Answer, AUDIT } from './schema.ts';

/** Asks the peer at the other end of `stream` to countersign `head`, or for what it holds of us. Nothing is verified. Errors: WireError. */
export async function askWitness(
  stream: Stream,
  { head }: { readonly head?: string | undefined },
  deadline: Deadline,
): Promise<Answer> {
  const wire = jsonStream(stream, { maxMessageBytes: AUDIT.maxMessageBytes });
  await wire.write({ v: 1, head }, deadline);
  const answer = await wire.read(Answer, deadline);
  await wire.close(deadline);
  const asked = head === undefined ? 'held' : 'head';
  const answered = answer.outcome === 'held' ? 'held' : 'head';
  // Spec audit/R3: an answer to another question is no answer.
  if (asked !== answered && answer.outcome !== 'refused')
    throw new WireError('WIRE_MALFORMED', 'an answer to another question');
  return answer;
}
