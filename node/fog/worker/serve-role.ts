import { isObject, negotiate, type RpcRequest } from '../../../src/mcp/index.ts';
import { parseStrictJson } from '../../../src/kernel/index.ts';
import { answerOurselves } from '../../backends/answer.ts';
import type { BackendContext, BackendReply } from '../../backends/index.ts';
import type { HostedRole } from '../../backends/hosted-role.ts';
import { LineSplitter } from '../../backends/lines.ts';
import { failure, success } from '../../backends/reply.ts';

const MAX_LINE_BYTES = 8 * 1024 * 1024;
const CALL_MS = 60_000;

/** Nobody: who may call a shard was decided where the call came in, and the role does not ask. */
const PRINCIPAL: BackendContext['principal'] = {
  agentId: '',
  role: '',
  level: 'READ_ONLY',
  permissions: undefined,
  tokenId: '',
  issuedAtMs: 0,
  expiresAtMs: 0,
  homeNode: '',
};

/** Speaks MCP (sessions, newline-delimited) for `role`: each chunk that comes in goes to what this answers, each line out to `write`. */
export function serveRole(role: HostedRole, write: (line: string) => void): (chunk: Uint8Array) => void {
  const reply = async (request: RpcRequest): Promise<void> => {
    const { body } = await answer(role, request);
    write(`${Buffer.from(body).toString('utf8')}\n`);
  };
  const lines = new LineSplitter(
    {
      line: (bytes) => {
        const request = requestIn(bytes);
        // A notification asks for nothing, and what is neither has nobody to tell.
        if (request !== undefined) void reply(request); // HostedRole never rejects
      },
      overlong: () => undefined,
    },
    { maxBytes: MAX_LINE_BYTES },
  );
  return (chunk) => lines.push(chunk);
}

async function answer(role: HostedRole, request: RpcRequest): Promise<BackendReply> {
  const { id, method, params } = request;
  const definition = role.definition();
  if (method === 'initialize') {
    const asked = params?.['protocolVersion'];
    if (typeof asked !== 'string') {
      return failure(id, { name: 'INVALID_PARAMS', message: 'protocolVersion must be a string' });
    }
    const { serverInfo, instructions, capabilities } = definition;
    return success(id, { protocolVersion: negotiate(asked), capabilities, serverInfo, instructions });
  }
  return (
    answerOurselves(request, { definition, era: 'session', ttlMs: 0 }) ??
    role.request(request, {
      principal: PRINCIPAL,
      era: 'session',
      callId: new Uint8Array(16),
      deadlineAt: performance.now() + CALL_MS,
      signal: AbortSignal.timeout(CALL_MS),
    })
  );
}

function requestIn(bytes: Uint8Array): RpcRequest | undefined {
  const value = parseStrictJson(Buffer.from(bytes).toString('utf8'));
  if (!isObject(value) || value['jsonrpc'] !== '2.0') return undefined;
  const { id, method, params } = value;
  if ((typeof id !== 'string' && typeof id !== 'number') || typeof method !== 'string') return undefined;
  return { jsonrpc: '2.0', id, method, ...(isObject(params) ? { params } : {}) };
}
