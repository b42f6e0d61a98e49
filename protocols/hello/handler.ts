import type { Stream } from '@libp2p/interface';
import { type Deadline, jsonStream } from '../wire/index.ts';
import { type Greeting, type HelloDesk, judge } from './greeting.ts';
import { hello, Introduction, Verdict } from './schema.ts';

/**
 * The responder's half: answers the hello of `nodeId`, whose key the connection has proven. Says nothing of itself to
 * a dialer that has not proven its membership.
 * Errors: WireError.
 */
export async function answerHello(
  stream: Stream,
  desk: HelloDesk,
  { nodeId, signal }: { readonly nodeId: string } & Deadline,
): Promise<Greeting> {
  const wire = jsonStream(stream, hello);
  const theirs = await wire.read(Introduction, { signal });
  const ours = desk.introduce();
  const greeting = judge(theirs, ours, { nodeId, desk });
  if (greeting.kind === 'refused') {
    // Spec hello/R3: nothing but the reason.
    await wire.write({ v: 1, kind: 'refused', because: greeting.because }, { signal });
    await wire.close({ signal });
    return greeting;
  }
  // Spec hello/R5: before our answer leaves, for the dialer may open streams the moment it has it.
  desk.verified?.(greeting.peer);
  await wire.write(ours, { signal });
  const verdict = await wire.read(Verdict, { signal });
  await wire.close({ signal });
  return verdict.kind === 'ack' ? greeting : { kind: 'refused', by: 'them', because: verdict.because };
}
