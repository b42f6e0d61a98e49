import { randomBytes } from 'node:crypto';
import { isObject, type RpcRequest } from '../../src/mcp/index.ts';
import type { BackendContext, BackendReply } from './backend.ts';
import type { Expiring, Expiry } from './expiry.ts';
import { HeldCall } from './held-call.ts';
import { failure } from './reply.ts';
import { type BoundTo, fingerprintOf, isSealed, mintState, readState } from './request-state.ts';

const MAX_PER_AGENT = 16;
const MAX_PER_NODE = 256;
const HOLDS: readonly string[] = ['tools/call', 'prompts/get', 'resources/read'];

interface Entry extends Expiring {
  readonly call: HeldCall;
  readonly server: string;
  readonly to: BoundTo;
}

export interface HeldCallsOptions {
  readonly nodeId: string;
  readonly expiry: Expiry;
  /** How long an agent may take to come back where others wait meanwhile; 15 s. */
  readonly yieldsMs?: number | undefined;
}

export interface Made {
  readonly server: string;
  readonly request: RpcRequest;
  readonly context: BackendContext;
  /** How long each request may take at this server, in milliseconds. */
  readonly limitMs: number;
}

/** The calls of this node that wait for their agents to come back with answers: at most 256, and 16 of one agent. */
export class HeldCalls {
  readonly #nodeId: string;
  readonly #expiry: Expiry;
  readonly #yieldsMs: number | undefined;
  readonly #key = randomBytes(32);
  readonly #entries = new Map<string, Entry>();

  constructor(options: HeldCallsOptions) {
    this.#nodeId = options.nodeId;
    this.#expiry = options.expiry;
    this.#yieldsMs = options.yieldsMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Whether `request`, of an agent without a session, may have to wait for its agent, or comes back from that. */
  mayHold({ method }: RpcRequest): boolean {
    return HOLDS.includes(method);
  }

  /** Begins a call on a server with a session, by `perform`, or goes on with the one that the request comes back to. Never rejects. */
  run(made: Made, perform: (context: BackendContext) => Promise<BackendReply>): Promise<BackendReply> {
    const { request, context } = made;
    if (request.params?.['requestState'] !== undefined) return this.#resume(made);
    const held = randomBytes(16).toString('hex');
    const to: BoundTo = { agentId: context.principal.agentId, request: fingerprintOf(request) };
    const call: HeldCall = new HeldCall(request, context, {
      limitMs: made.limitMs,
      yieldsMs: this.#yieldsMs,
      admit: () => this.#admit(held, { call, server: made.server, to }),
      forget: () => this.#forget(held),
      mint: ({ round }) => mintState({ nodeId: this.#nodeId, server: made.server, held, round }, to, this.#key),
    });
    return call.start(context, perform);
  }

  #resume({ server, request, context }: Made): Promise<BackendReply> {
    const { requestState: state, inputResponses } = request.params ?? {};
    const at = readState(state);
    const entry = at === undefined ? undefined : this.#entries.get(at.held);
    const to: BoundTo = { agentId: context.principal.agentId, request: fingerprintOf(request) };
    const good =
      at !== undefined &&
      entry !== undefined &&
      isSealed(state as string, to, this.#key) &&
      entry.server === server &&
      at.round === entry.call.round &&
      !entry.call.attended;
    if (!good) return Promise.resolve(invalid(request, STATE));
    if (inputResponses !== undefined && !isObject(inputResponses)) {
      return Promise.resolve(invalid(request, 'params.inputResponses must be an object'));
    }
    return entry.call.resume(request, context, inputResponses ?? {});
  }

  #admit(held: string, { call, server, to }: Omit<Entry, keyof Expiring>): boolean {
    const ofAgent = [...this.#entries.values()].filter((entry) => entry.to.agentId === to.agentId).length;
    if (this.#entries.size >= MAX_PER_NODE || ofAgent >= MAX_PER_AGENT) return false;
    const entry: Entry = {
      ...{ call, server, to },
      // While a request waits, that has its own deadline.
      get deadlineAt() {
        return call.attended ? Number.POSITIVE_INFINITY : call.deadlineAt;
      },
      expired: () => call.expired(),
    };
    this.#entries.set(held, entry);
    this.#expiry.add(entry);
    return true;
  }

  #forget(held: string): void {
    const entry = this.#entries.get(held);
    if (entry === undefined) return;
    this.#entries.delete(held);
    this.#expiry.remove(entry);
  }
}

const STATE =
  'requestState is not that of a call which waits here for this agent: it may have expired or been used; make the call anew';

function invalid(request: RpcRequest, message: string): BackendReply {
  return failure(request.id, { name: 'INVALID_PARAMS', message });
}
