import { sha256Hex } from '../../src/kernel/index.ts';
import { isObject, type RpcRequest } from '../../src/mcp/index.ts';

const MAX_KEPT = 4_096;
const MARK = Buffer.from('"input_required"');

/**
 * Which node a server's requestState came from. By the protocol any replica may take the retry, yet many servers seal their state
 * with a key of their own process, so it goes back to the one that knows it while that is there.
 */
export class StateHomes {
  readonly #homes = new Map<string, string>();

  /** Looks whether `body`, a JSON-RPC response of a server on `nodeId`, asks for input. */
  learn(body: Uint8Array, nodeId: string): void {
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    const state = bytes.includes(MARK) ? stateIn(bytes.toString('utf8')) : undefined;
    if (state === undefined) return;
    this.#homes.set(sha256Hex(state), nodeId);
    if (this.#homes.size > MAX_KEPT) this.#homes.delete(this.#homes.keys().next().value as string);
  }

  /** The node to prefer for a request that comes back with a state. */
  homeOf({ params }: RpcRequest): string | undefined {
    const state = params?.['requestState'];
    return typeof state === 'string' ? this.#homes.get(sha256Hex(state)) : undefined;
  }
}

function stateIn(text: string): string | undefined {
  let reply: unknown;
  try {
    reply = JSON.parse(text);
  } catch {
    return undefined; // a peer may send anything
  }
  const result = isObject(reply) ? reply['result'] : undefined;
  if (!isObject(result) || result['resultType'] !== 'input_required') return undefined;
  const state = result['requestState'];
  return typeof state === 'string' ? state : undefined;
}
