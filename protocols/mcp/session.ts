import type { Stream } from '@libp2p/interface';
import { FrameReader, WireError } from '../wire/index.ts';
import { Later } from '../../src/kernel/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import { Assembly, isChunk } from './assembly.ts';
import { Calling } from './client.ts';
import { Serving } from './handler.ts';
import { Outbox } from './outbox.ts';
import type { CallEnd, OutgoingCall, SessionPorts, SessionStats } from './ports.ts';
import { RoundTrip } from './round-trip.ts';
import { CONTINUED, LIMITS, mcp, TYPE, TYPE_MASK } from './schema.ts';
import { Silence } from './silence.ts';
import { StreamSink } from './stream-sink.ts';

export interface SessionOptions {
  /** PeerId of the other end, proven by the connection. */
  readonly peer: string;
  readonly maxInFlight?: number;
}

/** Results and calls share key numbers; what arrives in chunks is told apart by whose key it is. */
const MINE = 2 ** 32;
/** A tick so late means that this process stood still, and what the peer sent meanwhile is not read yet. */
const LATE_TICK_MS = LIMITS.pingEveryMs;

/**
 * One stream to one peer, both sides of it: calls asked here and calls served here. It has no timer of its own: `tick` is to
 * be called about once a second. It ends once, with the stream.
 */
export class PeerSession {
  readonly peer: string;
  readonly #stream: Stream;
  readonly #ports: SessionPorts;
  readonly #outbox: Outbox;
  readonly #calling: Calling;
  readonly #serving: Serving;
  readonly #assembly = new Assembly();
  readonly #reader: FrameReader;
  readonly #roundTrip = new RoundTrip();
  readonly #silence = new Silence();
  readonly #openedAt: number;
  #heardAt: number;
  #tickedAt: number;
  #bytesIn = 0;
  #saidGoAway = false;
  #heardGoAway = false;
  #closing = false;
  #ended = false;

  constructor(stream: Stream, ports: SessionPorts, options: SessionOptions) {
    this.peer = options.peer;
    this.#stream = stream;
    this.#ports = ports;
    const sink = new StreamSink(stream, (error) => this.#abort(error));
    const closeWhenDone = () => this.#closeWhenDone();
    this.#outbox = new Outbox(sink, { defer: ports.defer, onEmpty: closeWhenDone });
    const maxInFlight = options.maxInFlight ?? LIMITS.maxInFlight;
    const onGivenUp = (key: number) => this.#assembly.drop(MINE + key);
    this.#calling = new Calling(ports, this.#outbox, { maxInFlight, onGivenUp });
    this.#serving = new Serving(ports, this.#outbox, {
      peer: options.peer,
      maxInFlight,
      onEnded: (key) => {
        this.#assembly.drop(key);
        this.#closeWhenDone();
      },
    });
    this.#reader = new FrameReader(this.#onFrame, { maxPayloadBytes: LIMITS.maxFramePayloadBytes });
    this.#openedAt = this.#heardAt = this.#tickedAt = ports.clock.now();
    stream.addEventListener('message', (event) => this.#onBytes(event.data));
    // Its onDrain() answers at once for ever after the first time (@libp2p/utils 7.4.1), so the event is listened to; later than
    // the stream's own listener, which first sends what it kept back and may find the way blocked again.
    stream.addEventListener('drain', () => queueMicrotask(() => this.#outbox.drained()));
    stream.addEventListener('remoteCloseWrite', () => this.#onRemoteClose());
    stream.addEventListener('close', (event) => this.#end(event.error));
    // A stream can have ended between its opening and this; no event comes then.
    if (stream.status !== 'open') queueMicrotask(() => this.#end(undefined));
  }

  /** Whether calls can be sent here: the stream stands and nobody is leaving. */
  get open(): boolean {
    return !this.#ended && !this.#saidGoAway && !this.#heardGoAway && !this.#calling.exhausted;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get stats(): SessionStats {
    return {
      asked: this.#calling.inFlight,
      served: this.#serving.inFlight,
      rttMs: this.#roundTrip.averageMs,
      bytesIn: this.#bytesIn,
      bytesOut: this.#outbox.bytesOut,
      queuedBytes: this.#outbox.queuedBytes,
      openedAt: this.#openedAt,
    };
  }

  /** Never fails. */
  call(call: OutgoingCall): Later<CallEnd> {
    if (!this.open) return Later.of<CallEnd>({ kind: 'unsent', because: 'closed' });
    return this.#calling.call(call);
  }

  /** A hint to the peer; false when it is dropped because the way is blocked or the session is over. */
  notice(topic: string, body: Uint8Array): boolean {
    if (this.#ended || this.#outbox.busy || body.length > LIMITS.maxNoticeBytes) return false;
    const { into, at } = this.#outbox.reserve(1 + LIMITS.maxTopicBytes + body.length);
    const length = into.write(topic, at + 1, LIMITS.maxTopicBytes, 'latin1');
    into[at] = length;
    into.set(body, at + 1 + length);
    this.#outbox.commit(TYPE.NOTICE, 0, at + 1 + length + body.length);
    return true;
  }

  /** Delegations of these principals are void: calls under them must present anew. */
  forget(gone: (principal: Principal) => boolean): void {
    this.#serving.forget(gone);
  }

  /** Pings, and ends the session when the peer has been silent too long. */
  tick(now: number): void {
    if (this.#ended) return;
    if (now - this.#tickedAt > LATE_TICK_MS) this.#heardAt = now;
    this.#tickedAt = now;
    if (now - this.#heardAt >= LIMITS.deadAfterMs) {
      this.#abort(new WireError('WIRE_TIMEOUT', `nothing was heard for ${LIMITS.deadAfterMs} ms`));
      return;
    }
    const nonce = this.#roundTrip.begin(now);
    if (nonce !== undefined) this.#outbox.small(TYPE.PING, nonce);
    this.#closeWhenDone();
  }

  /** The peer owes answers and has not been heard for 1.5 s, a ping among what it does not answer. As of the last `watch`. */
  get silent(): boolean {
    return !this.#ended && this.#silence.silent;
  }

  /** Looks whether the peer is silent. To be called every `LIMITS.watchEveryMs`. */
  watch(now: number): void {
    if (this.#ended) return;
    if (this.#silence.look(now, this.#heardAt, this.#calling.inFlight > 0)) {
      const nonce = this.#roundTrip.begin(now, LIMITS.quietMs);
      if (nonce !== undefined) this.#outbox.small(TYPE.PING, nonce);
    }
  }

  /** Ends what was asked of a silent peer and may be made elsewhere as well. The rest waits for it, or for the end of the stream. */
  letGo(): void {
    if (this.silent) this.#calling.leave();
  }

  /** Starts no more calls, either way; what runs is finished, then the stream is closed. */
  drain(): void {
    if (this.#ended || this.#saidGoAway) return;
    this.#saidGoAway = true;
    this.#serving.draining = true;
    this.#outbox.small(TYPE.GOAWAY, 0);
    this.#ports.onDraining();
    this.#closeWhenDone();
  }

  /** Ends at once; calls in flight are lost. */
  abort(): void {
    this.#abort(new WireError('WIRE_CLOSED', 'ended by this node'));
  }

  #onBytes(data: Uint8Array | Iterable<Uint8Array>): void {
    this.#heardAt = this.#ports.clock.now();
    try {
      for (const bytes of data instanceof Uint8Array ? [data] : data) {
        if (this.#ended) return;
        this.#bytesIn += bytes.length;
        this.#reader.push(bytes);
      }
      // Even refusals pile up for a peer that asks and never reads.
      if (this.#outbox.queuedBytes > LIMITS.maxQueueBytes + mcp.maxMessageBytes) {
        throw new WireError('WIRE_TOO_LARGE', 'the peer does not read what it asks for');
      }
    } catch (error) {
      this.#abort(error instanceof Error ? error : new WireError('WIRE_MALFORMED', 'unreadable', { cause: error }));
    }
  }

  readonly #onFrame = (type: number, key: number, bytes: Buffer, start: number, end: number): void => {
    if (this.#ended) return;
    if (!isChunk(type)) {
      this.#onMessage(type, key, { bytes, start, end });
      return;
    }
    const kind = type & TYPE_MASK;
    const id = kind === TYPE.CALL || kind === TYPE.REPLY ? key : MINE + key;
    if ((type & CONTINUED) !== 0) {
      const whole = this.#assembly.add(id, type, { bytes, start, end });
      if (whole !== undefined) this.#onMessage(kind, key, { bytes: whole, start: 0, end: whole.length });
      return;
    }
    if (!CHUNKABLE.has(kind)) throw new WireError('WIRE_MALFORMED', `type ${kind} in chunks`);
    if (this.#wants(kind, key)) this.#assembly.begin(id, bytes, start, end);
  };

  #wants(kind: number, key: number): boolean {
    if (kind === TYPE.CALL) return this.#serving.admits(key, this.#assembly.size);
    return kind === TYPE.REPLY ? this.#serving.has(key) : this.#calling.has(key);
  }

  #onMessage(type: number, key: number, { bytes, start, end }: { bytes: Buffer; start: number; end: number }): void {
    switch (type) {
      case TYPE.DELEGATE:
        return this.#serving.onDelegate(bytes, start, end);
      case TYPE.CALL:
        this.#serving.onCall(key, bytes, start, end);
        return this.#outbox.sendFull();
      case TYPE.RESULT:
        this.#calling.onResult(key, bytes, start, end);
        return this.#closeWhenDone();
      case TYPE.RELATED:
        return this.#calling.onRelated(key, bytes, start, end);
      case TYPE.REQUEST:
        return this.#calling.onRequest(key, bytes, start, end);
      case TYPE.REPLY:
        return this.#serving.onReply(key, bytes, start, end);
      case TYPE.CANCEL:
        this.#assembly.drop(key);
        return this.#serving.onCancel(key);
      case TYPE.PING:
        return this.#outbox.small(TYPE.PONG, key);
      case TYPE.PONG:
        return this.#roundTrip.finish(key, this.#heardAt);
      case TYPE.NOTICE:
        return this.#onNotice(bytes, start, end);
      case TYPE.REFUSE:
        this.#calling.onRefuse(key, start < end ? bytes[start] : undefined);
        return this.#closeWhenDone();
      case TYPE.GOAWAY:
        return this.#onGoAway();
      default:
        throw new WireError('WIRE_MALFORMED', `an unknown frame type: ${type}`);
    }
  }

  #onNotice(bytes: Buffer, start: number, end: number): void {
    const bodyAt = start + 1 + (bytes[start] ?? 0);
    if (
      start === end ||
      bodyAt > end ||
      bodyAt - start - 1 > LIMITS.maxTopicBytes ||
      end - bodyAt > LIMITS.maxNoticeBytes
    ) {
      throw new WireError('WIRE_MALFORMED', 'a notice out of bounds');
    }
    this.#ports.onNotice(bytes.toString('latin1', start + 1, bodyAt), Buffer.from(bytes.subarray(bodyAt, end)));
  }

  #onGoAway(): void {
    this.#heardGoAway = true;
    this.drain();
    this.#closeWhenDone();
  }

  /** The peer sends no more: whatever is unanswered stays so. */
  #onRemoteClose(): void {
    const cut = !this.#reader.atBoundary;
    const orderly = this.#heardGoAway && this.#calling.inFlight === 0 && !cut;
    if (orderly) this.#closeWhenDone();
    else this.#abort(new WireError(cut ? 'WIRE_MALFORMED' : 'WIRE_CLOSED', 'the peer closed its side'));
  }

  #closeWhenDone(): void {
    if (!this.#saidGoAway || !this.#heardGoAway || this.#closing || this.#ended) return;
    if (this.#calling.inFlight + this.#serving.inFlight + this.#outbox.queuedBytes > 0) return;
    this.#closing = true;
    // Nobody waits for it: the end shows as the stream's own event, and a stuck one as silence.
    this.#stream.close().catch((error: Error) => this.#abort(error));
  }

  #abort(error: Error): void {
    if (this.#ended) return;
    this.#stream.abort(error);
    this.#end(error);
  }

  #end(error: Error | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#calling.end();
    this.#serving.end();
    this.#outbox.close();
    this.#ports.onEnd(error);
  }
}

const CHUNKABLE: ReadonlySet<number> = new Set([TYPE.CALL, TYPE.RESULT, TYPE.RELATED, TYPE.REQUEST, TYPE.REPLY]);
