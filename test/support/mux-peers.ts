import type { Stream } from '@libp2p/interface';
import { streamPair } from '@libp2p/utils';
import { DeadlineWheel } from '../../node/router/deadline-wheel.ts';
import {
  type CallContext,
  type OutgoingCall,
  PeerSession,
  type RefusedCall,
  type ServedCall,
  type ServedReply,
  type SessionPorts,
} from '../../protocols/mcp/index.ts';
import { FrameReader, writeFrameHead } from '../../protocols/wire/index.ts';
import type { RpcRequest } from '../../src/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import { SOMEWHERE } from './somewhere.ts';

/** Time that moves when told, and the deadlines on it. */
export class HandClock {
  at = 0;
  readonly wheel = new DeadlineWheel(0);
  readonly now = () => this.at;
  readonly wall = () => 1_800_000_000_000 + this.at;
  pass(ms: number): void {
    this.at += ms;
    this.wheel.advance(this.at);
  }
}

export function principal(name = 'local@abcdefgh', token = 'aa'): Principal {
  return {
    agentId: name,
    role: 'agent',
    level: 'OPERATOR',
    permissions: undefined,
    tokenId: token,
    issuedAtMs: 0,
    expiresAtMs: 4_000_000_000_000,
    homeNode: 'peer-a',
  };
}

export function echoRequest(message: string, id = 1): RpcRequest {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'echo', arguments: { message } } };
}

let made = 0;
/** A call with a fresh id. */
export function outgoing(clock: HandClock, request: RpcRequest, context: Partial<CallContext> = {}): OutgoingCall {
  const callId = Buffer.alloc(16);
  callId.writeUInt32BE(++made);
  return {
    server: 'everything',
    request,
    context: {
      principal: principal(),
      era: 'session',
      callId,
      deadlineAt: clock.at + 30_000,
      signal: new AbortController().signal,
      ...context,
    },
  };
}

export interface Watched {
  readonly session: PeerSession;
  readonly notices: string[];
  readonly served: ServedCall[];
  readonly faults: unknown[];
  readonly refused: RefusedCall[];
  /** Codes with which it ended; '' for an orderly end. */
  readonly ends: string[];
}

export type Port = Partial<SessionPorts>;

/** A session on `stream` that answers every call with its arguments, unless `ports` say otherwise. */
export function sessionOn(stream: Stream, clock: HandClock, ports: Port = {}, maxInFlight = 256): Watched {
  const watched = {
    notices: [] as string[],
    served: [] as ServedCall[],
    faults: [] as unknown[],
    refused: [] as RefusedCall[],
    ends: [] as string[],
  };
  const session = new PeerSession(
    stream,
    {
      clock,
      deadlines: clock.wheel,
      defer: setImmediate,
      delegationFor: (who) => `delegation of ${who.agentId}`,
      accept: (delegation) => ({
        kind: 'accepted',
        principal: principal(delegation.replace('delegation of ', '')),
        expiresAtMs: clock.wall() + 60_000,
      }),
      onNotice: (topic, body) => watched.notices.push(`${topic}: ${Buffer.from(body).toString()}`),
      onDraining: () => {},
      onFault: (error) => watched.faults.push(error),
      onRefused: (refused) => watched.refused.push(refused),
      ...ports,
      onEnd: (error) => {
        watched.ends.push(error === undefined ? '' : 'code' in error ? String(error.code) : error.name);
        ports.onEnd?.(error);
      },
      serve: async (call) => {
        watched.served.push(call);
        return (ports.serve ?? echo)(call);
      },
    },
    { peer: 'peer', maxInFlight },
  );
  return { session, ...watched };
}

export async function echo({ request }: ServedCall): Promise<ServedReply> {
  const result = { content: [{ type: 'text', text: JSON.stringify(request.params?.['arguments']) }] };
  return { body: Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: request.id, result })), outcome: 'ok', reason: '' };
}

export interface Linked {
  readonly clock: HandClock;
  readonly streams: readonly [Stream, Stream];
  readonly asking: Watched;
  readonly serving: Watched;
}

/** Two sessions on one pair of streams. */
export async function linked(options: { asking?: Port; serving?: Port; maxInFlight?: number } = {}): Promise<Linked> {
  const clock = new HandClock();
  const streams = await streamPair(SOMEWHERE);
  const asking = sessionOn(streams[0], clock, options.asking);
  const serving = sessionOn(streams[1], clock, options.serving, options.maxInFlight);
  return { clock, streams, asking, serving };
}

/** The far end of a stream, by hand: what it got, as `type key payload` in hex, and whatever bytes it likes to send. */
export class RawPeer {
  readonly got: { type: number; key: number; payload: string }[] = [];
  readonly stream: Stream;

  constructor(stream: Stream) {
    this.stream = stream;
    const reader = new FrameReader(
      (type, key, bytes, start, end) => this.got.push({ type, key, payload: bytes.toString('hex', start, end) }),
      { maxPayloadBytes: 1 << 20 },
    );
    stream.addEventListener('message', ({ data }) => reader.push(data.subarray()));
  }

  /** Hex, frame head and all. */
  sendBytes(hex: string): void {
    this.stream.send(Buffer.from(hex, 'hex'));
  }

  send(type: number, key: number, payload = ''): void {
    const body = Buffer.from(payload, 'hex');
    const frame = Buffer.alloc(9 + body.length);
    body.copy(frame, writeFrameHead(frame, 0, type, key, body.length));
    this.stream.send(frame);
  }

  /** Payloads of the frames of `type`. */
  of(type: number): string[] {
    return this.got.filter((frame) => frame.type === type).map(({ payload }) => payload);
  }
}

/** A session facing bytes made by hand. */
export async function facing(
  ports: Port = {},
  maxInFlight = 256,
): Promise<{ clock: HandClock; raw: RawPeer; it: Watched }> {
  const clock = new HandClock();
  const [near, far] = await streamPair(SOMEWHERE);
  const it = sessionOn(near, clock, ports, maxInFlight);
  return { clock, raw: new RawPeer(far), it };
}
