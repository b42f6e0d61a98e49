import { type ErrorName, errorText, resultText, type RpcRequest } from '../../src/mcp/index.ts';
import type { RouterPort, RouterReply } from './router-port.ts';

export const MAX_SUBSCRIBED = 256;

/** The resources one session, or one subscription of the stateless era, wants to hear of. */
export class ResourceInterest {
  readonly #ends = new Map<string, () => void>();
  readonly #tell: (uri: string) => void;
  #closed = false;

  /** `tell` is called with the URI of each change. */
  constructor(tell: (uri: string) => void) {
    this.#tell = tell;
  }

  get uris(): readonly string[] {
    return [...this.#ends.keys()];
  }

  /** resources/subscribe. Twice is once. Resolves with the refusal; undefined: changes are told from now on. */
  async add(router: RouterPort, call: Parameters<RouterPort['subscribe']>[0]): Promise<RouterReply | undefined> {
    const { request } = call;
    const uri = request.params?.['uri'];
    if (typeof uri !== 'string') return no(request, 'INVALID_PARAMS', 'resources/subscribe needs params.uri, a string');
    if (this.#ends.has(uri)) return undefined;
    if (this.#ends.size >= MAX_SUBSCRIBED) {
      return no(request, 'RATE_LIMITED', `at most ${MAX_SUBSCRIBED} resources can be subscribed to`);
    }
    const outcome = await router.subscribe(call, this.#tell);
    if (outcome.kind === 'refused') return outcome.reply;
    if (this.#closed || this.#ends.has(uri)) outcome.end();
    else this.#ends.set(uri, outcome.end);
    return undefined;
  }

  /** resources/unsubscribe. What was never subscribed to is not subscribed to afterwards either. */
  remove(request: RpcRequest): RouterReply {
    const uri = request.params?.['uri'];
    if (typeof uri !== 'string') {
      return no(request, 'INVALID_PARAMS', 'resources/unsubscribe needs params.uri, a string');
    }
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

export function done({ id }: RpcRequest): RouterReply {
  return { body: Buffer.from(resultText(id, {})) };
}

function no({ id }: RpcRequest, name: ErrorName, message: string): RouterReply {
  return { body: Buffer.from(errorText(id, { name, message })), errorName: name };
}
