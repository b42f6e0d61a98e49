import {
  argumentHeaders,
  ERRORS,
  isObject,
  type MirroredArgument,
  mirroredArguments,
  mirrorHeaders,
  type RpcRequest,
} from '../../src/mcp/index.ts';
import { errorIn } from './bridge-refusals.ts';
import type { Outcome } from './uplink.ts';

const MAX_KNOWN = 256;

/** The headers of stateless requests, which clients on stdio know nothing of: repeated from the body, as each tool wants it. */
export class BridgeMirrors {
  readonly #known = new Map<string, readonly MirroredArgument[]>();

  headers(request: RpcRequest): Record<string, string> {
    const { name, arguments: args } = request.params ?? {};
    const mirrored = request.method === 'tools/call' && typeof name === 'string' ? this.#known.get(name) : undefined;
    return { ...mirrorHeaders(request), ...(mirrored === undefined ? {} : argumentHeaders(mirrored, args)) };
  }

  /** Whether a refused request would pass with headers that a look at its tool's schema would tell. */
  lacking({ method, params }: RpcRequest, outcome: Outcome): boolean {
    if (method !== 'tools/call' || typeof params?.['name'] !== 'string' || outcome.kind !== 'refused') return false;
    return errorIn(outcome.body)?.['code'] === ERRORS.HEADER_MISMATCH.code;
  }

  /** Remembers what the tool of `request` wants, from the answer to a tools/list. */
  learn({ params }: RpcRequest, answer: unknown): void {
    const result = isObject(answer) ? answer['result'] : undefined;
    const tools = isObject(result) && Array.isArray(result['tools']) ? result['tools'] : [];
    const name = String(params?.['name']);
    const tool: unknown = tools.find((one) => isObject(one) && one['name'] === name);
    if (!isObject(tool)) return;
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(name, mirroredArguments(tool['inputSchema']));
  }
}
