import { sha256Hex } from '../../src/kernel/index.ts';
import type { RpcRequest } from '../../src/mcp/index.ts';

const SCRATCH_BYTES = 16 * 1024;
const scratch = Buffer.alloc(SCRATCH_BYTES);
const CALL_ID_BYTES = 16;

/**
 * SHA-256, as 64 hex digits, of `callId` followed by what the call is about: for tools/call and prompts/get the UTF-8 JSON of
 * the arguments (`{}` where there are none), for what is about a resource or a task its URI or id, else nothing. Salted by the call's id, so that equal
 * arguments do not show as equal in two audits.
 */
export function argumentsHash(callId: Uint8Array, request: RpcRequest): string {
  return saltedHash(callId, subjectOf(request));
}

/** Tool or prompt name, URI, or task id: what the frame's header names and the request must repeat. */
export function targetOf(request: RpcRequest): string {
  const params = request.params;
  switch (request.method) {
    case 'tools/call':
    case 'prompts/get':
      return typeof params?.['name'] === 'string' ? params['name'] : '';
    case 'resources/read':
    case 'resources/subscribe':
    case 'resources/unsubscribe':
      return typeof params?.['uri'] === 'string' ? params['uri'] : '';
    case 'tasks/get':
    case 'tasks/result':
    case 'tasks/cancel':
      return typeof params?.['taskId'] === 'string' ? params['taskId'] : '';
    default:
      return '';
  }
}

function subjectOf(request: RpcRequest): string {
  switch (request.method) {
    case 'tools/call':
    case 'prompts/get':
      return JSON.stringify(request.params?.['arguments'] ?? {});
    default:
      return targetOf(request);
  }
}

function saltedHash(callId: Uint8Array, subject: string): string {
  // A UTF-16 unit is at most three bytes of UTF-8. Most arguments are small: one buffer serves them all.
  const bytes =
    subject.length * 3 + CALL_ID_BYTES > SCRATCH_BYTES
      ? Buffer.alloc(CALL_ID_BYTES + Buffer.byteLength(subject))
      : scratch;
  bytes.set(callId, 0);
  const written = bytes.write(subject, CALL_ID_BYTES);
  return sha256Hex(bytes.subarray(0, CALL_ID_BYTES + written));
}
