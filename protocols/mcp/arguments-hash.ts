import { saltedSha256Hex } from '../../src/kernel/index.ts';
import type { RpcRequest } from '../../src/mcp/index.ts';

/**
 * SHA-256, as 64 hex digits, of `callId` followed by what the call is about: for tools/call and prompts/get the UTF-8 JSON of
 * the arguments (`{}` where there are none), for what is about a resource or a task its URI or id, else nothing. Salted by the call's id, so that equal
 * arguments do not show as equal in two audits.
 */
export function argumentsHash(callId: Uint8Array, request: RpcRequest): string {
  return saltedSha256Hex(callId, subjectOf(request));
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
