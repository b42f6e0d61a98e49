import { type ErrorName, errorText, resultText, type RpcRequest } from '../../src/mcp/index.ts';
import type { RouterCall, RouterPort, RouterReply } from './router-port.ts';

const MAX_SUBSCRIBED = 256;

/** The resources one session wants to hear of. */
export class ResourceInterest {
  readonly #ends = new Map<string, () => void>();
  readonly #tell: (uri: string) => void;
  #closed = false;

  constructor(tell: (uri: string) => void) {
    this.#tell = tell;
  }

  get size(): number {
    return this.#ends.size;
  }

  /** resources/subscribe. Twice is once. */
  async subscribe(router: RouterPort, call: RouterCall): Promise<RouterReply> {
    const { request } = call;
    const uri = request.params?.['uri'];
    if (typeof uri !== 'string') return no(request, 'INVALID_PARAMS', 'resources/subscribe needs params.uri, a string');
    if (router.subscribe === undefined) return no(request, 'NOT_BUILT', 'resources/subscribe is not built');
    if (this.#ends.has(uri)) return done(request);
    if (this.#ends.size >= MAX_SUBSCRIBED) {
      return no(request, 'RATE_LIMITED', `a session may subscribe to ${MAX_SUBSCRIBED} resources`);
    }
    const outcome = await router.subscribe(call, this.#tell);
    if (outcome.kind === 'refused') return outcome.reply;
    if (this.#closed || this.#ends.has(uri)) outcome.end();
    else this.#ends.set(uri, outcome.end);
    return done(request);
  }

  /** resources/unsubscribe. */
  unsubscribe(request: RpcRequest): RouterReply {
    const uri = request.params?.['uri'];
    if (typeof uri !== 'string')
      return no(request, 'INVALID_PARAMS', 'resources/unsubscribe needs params.uri, a string');
    this.#ends.get(uri)?.();
    this.#ends.delete(uri);
    return done(request);
  }

  close(): void {
    this.#closed = true;
    for (const end of this.#ends.values()) end();
    this.#ends.clear();
  }
}

function done({ id }: RpcRequest): RouterReply {
  return { body: Buffer.from(resultText(id, {})) };
}

function no({ id }: RpcRequest, name: ErrorName, message: string): RouterReply {
  return { body: Buffer.from(errorText(id, { name, message })), errorName: name };
}
