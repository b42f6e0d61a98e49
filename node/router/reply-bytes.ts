import { isObject, type RpcId } from '../../src/mcp/index.ts';

/** The rest of a response behind its id, so that another request may have it; undefined: it is none that can be given out again. */
export function withoutId(body: Uint8Array, id: RpcId): Uint8Array | undefined {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const head = headOf(id);
  if (bytes.subarray(0, head.length).equals(head)) return bytes.subarray(head.length);
  const result = resultIn(bytes);
  return result === undefined ? undefined : Buffer.from(`"result":${JSON.stringify(result)}}`);
}

/** The response to request `id` that ends in `rest`. */
export function withId(rest: Uint8Array, id: RpcId): Uint8Array {
  return Buffer.concat([headOf(id), rest]);
}

/** The result of a response, read; undefined: it carries none. */
export function resultIn(body: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const reply: unknown = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
    const result = isObject(reply) ? reply['result'] : undefined;
    return isObject(result) ? result : undefined;
  } catch {
    return undefined; // a peer may send anything
  }
}

function headOf(id: RpcId): Buffer {
  return Buffer.from(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},`);
}
