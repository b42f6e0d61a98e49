import type { Stream } from '@libp2p/interface';
import { type Deadline, jsonStream } from '../wire/index.ts';
import { type Greeting, type HelloDesk, judge } from './greeting.ts';
import { Answer, hello } from './schema.ts';

/**
 * The dialer's half: introduces us on an open hello stream to `nodeId`, whose key the connection has proven.
 * Errors: WireError.
 */
export async function sayHello(
  stream: Stream,
  desk: HelloDesk,
  { nodeId, signal }: { readonly nodeId: string } & Deadline,
): Promise<Greeting> {
  const wire = jsonStream(stream, hello);
  const ours = desk.introduce();
  await wire.write(ours, { signal });
  const answer = await wire.read(Answer, { signal });
  if (answer.kind === 'refused') {
    await wire.close({ signal });
    return { kind: 'refused', by: 'them', because: answer.because };
  }
  const greeting = judge(answer, ours, { nodeId, desk });
  if (greeting.kind === 'greeted') desk.verified?.(greeting.peer);
  // Spec hello/R5: the responder starts nothing towards us before it has our word.
  await wire.write(
    greeting.kind === 'greeted' ? { v: 1, kind: 'ack' } : { v: 1, kind: 'refused', because: greeting.because },
    { signal },
  );
  await wire.close({ signal });
  return greeting;
}
