import type { Connection, Stream } from '@libp2p/interface';
import type { MembershipVerdict } from '../../src/constitution/index.ts';
import {
  answerHello,
  type Greeted,
  type Greeting,
  type HelloDesk,
  hello,
  revisionGaps,
  sayHello,
} from '../../protocols/hello/index.ts';
import { WireError } from '../../protocols/wire/index.ts';
import type { Reporter } from '../telemetry/events.ts';
import type { AdmissionGate } from './admission-gate.ts';
import { HostError } from './host-error.ts';

/** Who judges membership: the village of this node. */
export interface MembershipDesk {
  /** Our own credentials, leaf first; empty for the founder. */
  chain(): readonly string[];
  verify(chain: readonly string[], nodeId: string): MembershipVerdict;
}

export interface GreeterOptions {
  readonly gate: AdmissionGate;
  readonly introduce: HelloDesk['introduce'];
  readonly verify: HelloDesk['verify'];
  readonly protocolId: string;
  readonly reporter: Reporter;
  readonly limits: {
    /** How long a connection may stay without a hello that succeeded. */
    readonly unadmittedMs: number;
    /** The same, from when an admission started on it. */
    readonly admissionMs: number;
    /** Connections without a hello at once; above it the oldest is closed. */
    readonly maxUnadmitted: number;
  };
  connectionsOf(nodeId: string): readonly Connection[];
  now(): number;
}

const CLOSE_MS = 500;

interface Guest {
  readonly connection: Connection;
  timer: NodeJS.Timeout;
  extended: boolean;
}

/** Runs hello on every connection, and closes those on which nobody proves membership in time. */
export class Greeter {
  readonly #options: GreeterOptions;
  /** Connections of strangers, oldest first. */
  readonly #guests = new Map<string, Guest>();
  #stopped = false;

  constructor(options: GreeterOptions) {
    this.#options = options;
    options.gate.listen({ admitted: ({ nodeId }) => this.#forgetGuests(nodeId) });
  }

  opened(connection: Connection): void {
    if (this.#stopped) return;
    if (!this.#options.gate.isAdmitted(connection.remotePeer.toString())) this.#watch(connection);
    if (connection.direction === 'outbound') void this.greet(connection);
  }

  closed(connection: Connection): void {
    this.#forget(connection.id);
  }

  /** An admission runs on this connection: it may take a little longer, once. */
  extend(connection: Connection): void {
    const guest = this.#guests.get(connection.id);
    if (guest === undefined || guest.extended) return;
    clearTimeout(guest.timer);
    guest.timer = this.#closeAfter(connection, this.#options.limits.admissionMs);
    guest.extended = true;
  }

  /** The responder's half. */
  async answer(stream: Stream, connection: Connection): Promise<void> {
    await this.#exchange(stream, connection, answerHello);
  }

  stop(): void {
    this.#stopped = true;
    for (const id of [...this.#guests.keys()]) this.#forget(id);
  }

  /** The dialer's half, on a connection of either direction. Never rejects. */
  async greet(connection: Connection): Promise<void> {
    try {
      const signal = AbortSignal.timeout(hello.timeoutMs);
      const stream = await connection.newStream(this.#options.protocolId, { signal });
      await this.#exchange(stream, connection, sayHello);
    } catch (error) {
      this.#refuse(connection, 'no-hello', error);
    }
  }

  async #exchange(stream: Stream, connection: Connection, half: typeof sayHello): Promise<void> {
    const { gate, introduce, verify } = this.#options;
    const nodeId = connection.remotePeer.toString();
    const signal = AbortSignal.timeout(hello.timeoutMs);
    const desk: HelloDesk = { introduce, verify, verified: () => gate.verified(nodeId) };
    let greeting: Greeting;
    try {
      greeting = await half(stream, desk, { nodeId, signal });
    } catch (error) {
      gate.unverified(nodeId);
      this.#refuse(connection, error instanceof WireError ? error.code : 'failed', error);
      return;
    }
    if (greeting.kind === 'greeted') {
      this.#admit(greeting.peer, connection);
    } else {
      gate.unverified(nodeId);
      this.#refuse(connection, `${greeting.by === 'us' ? '' : 'they say '}${greeting.because}`);
    }
  }

  #admit(greeted: Greeted, connection: Connection): void {
    const { gate, reporter, now, introduce } = this.#options;
    const { nodeId, membership, bootSeq, clockSkewMs, protocols } = greeted;
    if (this.#stopped || connection.status !== 'open') {
      gate.unverified(nodeId);
      return;
    }
    const known = gate.admitted().get(nodeId);
    if (known?.bootSeq === bootSeq) {
      gate.renew({ ...known, membership });
      return;
    }
    if (known !== undefined) this.#replaceBoot(nodeId, connection);
    const gaps = revisionGaps(introduce().protocols, protocols);
    gate.admit({ nodeId, membership, since: now(), bootSeq, clockSkewMs, revisionGaps: gaps });
    reporter.report('peer.admitted', { peer: nodeId, direction: connection.direction });
    for (const { protocol, ours, theirs } of gaps) {
      reporter.report('peer.other-revision', { peer: nodeId, protocol, ours: ours.join(), theirs: theirs.join() });
    }
  }

  /** The peer was started anew: what we hold of its former life is dead, noticed or not. */
  #replaceBoot(nodeId: string, newest: Connection): void {
    const restarted = new HostError('NODE_UNREACHABLE', `${nodeId} was restarted`);
    this.#options.gate.drop(nodeId, restarted);
    this.#options.reporter.report('peer.gone', { peer: nodeId });
    for (const connection of this.#options.connectionsOf(nodeId)) {
      if (connection.id !== newest.id && connection.timeline.open < newest.timeline.open) connection.abort(restarted);
    }
  }

  #refuse(connection: Connection, reason: string, cause?: unknown): void {
    const { gate, reporter } = this.#options;
    const nodeId = connection.remotePeer.toString();
    const refusal = new HostError('NOT_ADMITTED', `no membership proven with ${nodeId}`, { cause });
    this.#end(connection, refusal);
    this.#forget(connection.id);
    if (this.#stopped) return;
    reporter.report('peer.refused', { peer: nodeId, reason });
    // Those who wait for this peer hear it now, unless another connection may still bring it in.
    const others = this.#options
      .connectionsOf(nodeId)
      .some((other) => other.id !== connection.id && other.status === 'open');
    if (!others && !gate.isAdmitted(nodeId)) gate.drop(nodeId, refusal);
  }

  /** A refusal that is still under way should arrive, so the connection is closed, and dropped only if that takes long. */
  #end(connection: Connection, refusal: HostError): void {
    if (connection.status !== 'open') return;
    const signal = AbortSignal.timeout(CLOSE_MS);
    const drop = (): void => connection.abort(refusal);
    signal.addEventListener('abort', drop, { once: true });
    void connection.close({ signal }).then(() => signal.removeEventListener('abort', drop), drop);
  }

  #watch(connection: Connection): void {
    const { limits } = this.#options;
    const timer = this.#closeAfter(connection, limits.unadmittedMs);
    this.#guests.set(connection.id, { connection, timer, extended: false });
    const oldest = this.#guests.values().next().value;
    if (this.#guests.size > limits.maxUnadmitted && oldest !== undefined) this.#refuse(oldest.connection, 'too-many');
  }

  #closeAfter(connection: Connection, delayMs: number): NodeJS.Timeout {
    return setTimeout(() => this.#refuse(connection, 'no-hello-in-time'), delayMs);
  }

  #forget(connectionId: string): void {
    clearTimeout(this.#guests.get(connectionId)?.timer);
    this.#guests.delete(connectionId);
  }

  #forgetGuests(nodeId: string): void {
    for (const [id, { connection }] of this.#guests) {
      if (connection.remotePeer.toString() === nodeId) this.#forget(id);
    }
  }
}
