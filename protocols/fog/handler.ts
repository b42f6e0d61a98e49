import type { Stream } from '@libp2p/interface';
import { type Deadline, jsonStream, WireError } from '../wire/index.ts';
import { Envelope, FOG, type LogsAnswer, type LogsAsked, type Said } from './schema.ts';
import { type Between, unsealed } from './sealed.ts';

/** Where what a peer sends goes. Each is waited for before the next message is read: who sends faster waits. */
export interface FogDesk {
  /** `evidence`: the signed form, where there is one. */
  hear(said: Said, from: string, evidence?: string | undefined): Promise<void>;
  /** A signed advertisement, not verified. */
  hearAd(ad: string, from: string): Promise<void>;
  /** A signed shard map, not verified. */
  hearMap(map: string, from: string): Promise<void>;
  /** The peer wants the shard maps of a deployment. */
  askedForMap(deployment: string, from: string): Promise<void>;
  /** The peer wants to read what a placement here printed. */
  askedForLogs(asked: LogsAsked, from: string): Promise<void>;
  hearLogs(answer: LogsAnswer, from: string): Promise<void>;
}

/**
 * Reads what the peer sends until it ends the stream. `deadline` is made anew for each message.
 * Errors: WireError, the stream aborted; nothing of the message that was wrong is heard.
 */
export async function readFog(
  stream: Stream,
  desk: FogDesk,
  options: { readonly between: Between; readonly deadline: () => Deadline },
): Promise<void> {
  const wire = jsonStream(stream, { maxMessageBytes: FOG.maxMessageBytes });
  const { between } = options;
  for (;;) {
    const envelope = await next(wire, options.deadline());
    if (envelope === undefined) return;
    if ('ad' in envelope) await desk.hearAd(envelope.ad, between.from);
    else if ('map' in envelope) await desk.hearMap(envelope.map, between.from);
    else if ('ask' in envelope) await desk.askedForMap(envelope.ask.map, between.from);
    else if ('askLogs' in envelope) await desk.askedForLogs(envelope.askLogs, between.from);
    else if ('logs' in envelope) await desk.hearLogs(envelope.logs, between.from);
    else {
      const { said, evidence } = unsealed(envelope, between);
      await desk.hear(said, between.from, evidence);
    }
  }
}

/** undefined: the peer has nothing more to say, or has said nothing for long. */
async function next(wire: ReturnType<typeof jsonStream>, deadline: Deadline): Promise<Envelope | undefined> {
  try {
    return await wire.read(Envelope, deadline);
  } catch (error) {
    if (error instanceof WireError && (error.code === 'WIRE_CLOSED' || error.code === 'WIRE_TIMEOUT')) return undefined;
    throw error;
  }
}
