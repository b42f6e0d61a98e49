import { setTimeout } from 'node:timers/promises';
import { canonicalJson, exactCanonicalJson, text, utf8 } from '../src/kernel/index.ts';
import { isObject, resultText, type RpcRequest } from '../src/mcp/index.ts';
import type { BackendReply } from './backends/backend.ts';
import { failure } from './backends/reply.ts';
import type { RouterPort } from './gateway/router-port.ts';
import type { Governance, RunCall } from './governance/index.ts';
import type { TokenDesk } from './identity/index.ts';
import type { VotePort } from './router/index.ts';

const RUN_MS = 60_000;
const TOKEN_MS = 300_000;
const ATTEMPTS = 3;
const AGAIN_MS = 1_000;
const NOBODY = new AbortController().signal;

interface Reply {
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly data?: { readonly code?: unknown } };
}

/** Where the pipeline takes calls that need a vote. */
export function votePort(governance: Pick<Governance, 'proposeCall' | 'calls'>): VotePort {
  const serving = new WeakMap<object, () => Promise<boolean>>();
  return {
    ask: async ({ request, context, target, permission }): Promise<BackendReply> => {
      const { agentId, homeNode, issuedAtMs } = context.principal;
      const args = request.params?.['arguments'];
      if (!isVotable(args)) {
        const message = 'a vote cannot state these arguments exactly: send numbers that no double holds as text';
        return failure(request.id, { name: 'INVALID_PARAMS', message });
      }
      const type = permission?.requiresApproval ?? 'critical_change';
      const asked = { tool: target, arguments: isObject(args) ? args : {}, type };
      const acted = await governance
        .proposeCall(asked, { agentId, homeNode, issuedAtMs }, context)
        .catch(() => undefined);
      if (acted === undefined) {
        return failure(request.id, { name: 'INTERNAL_ERROR', message: 'the call could not be proposed' });
      }
      if (acted.kind === 'refused') {
        const { code, message, retryAfterMs: retry_after_ms } = acted.refusal;
        const refused = { code, message, retryable: retry_after_ms !== undefined, retry_after_ms };
        return toolReply(request, refused, { isError: true, stateless: context.era === 'stateless' });
      }
      const { proposal_id, voting_deadline, required_votes } = acted.value;
      const message = `${target} needs an approved ${type}; it runs when ${proposal_id} is approved, and its result is kept there`;
      const waiting = { code: 'AWAITING_VOTE', message, retryable: false, status: 'awaiting_vote' };
      const told = { ...waiting, proposal_id, required_votes, voting_deadline };
      return toolReply(request, told, { isError: false, stateless: context.era === 'stateless' });
    },
    isApproved: (job) => {
      const { side, request, context, target, peer } = job;
      const args = request.params?.['arguments'];
      if (side === 'call') return governance.calls.isRunning(args);
      const served = governance.calls.serveOnce({ peer, agent: context.principal.agentId, tool: target, args });
      if (served !== undefined) serving.set(job, served.begin);
      return served !== undefined;
    },
    // A call of our own agents was put into the journal before it came here.
    begin: (job) => serving.get(job)?.() ?? Promise.resolve(true),
  };
}

/** Makes an approved call in the name of its agent, through the one pipeline: what the agent may do is looked at again. */
export function runApproved(desk: Pick<TokenDesk, 'mint' | 'verify'>, router: Pick<RouterPort, 'handle'>): RunCall {
  return async ({ agent, tool, arguments: args }) => {
    const minted = await desk.mint({ agent, ttlMs: TOKEN_MS });
    if (minted.kind === 'refused') return { ok: false, result: { code: 'MAY_NOT_SPEAK', message: minted.message } };
    const verdict = await desk.verify(minted.token);
    if (verdict.kind === 'refused') return { ok: false, result: { code: 'MAY_NOT_SPEAK', message: verdict.message } };
    const { principal } = verdict;
    const request: RpcRequest = {
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: tool, arguments: args },
    };
    const common = {
      era: 'session',
      view: undefined,
      sourceIp: 'vote',
      sessionId: undefined,
      toolsMode: 'list',
    } as const;
    let reply: Reply = {};
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const { body } = await router.handle({ request, principal, ...common, signal: NOBODY, timeoutMs: RUN_MS });
      reply = JSON.parse(text(body)) as Reply;
      // Who serves it may hear of the approval a moment after us; what is denied has not begun.
      if (reply.error?.data?.code !== 'PERMISSION_DENIED' || attempt === ATTEMPTS) break;
      await setTimeout(AGAIN_MS, undefined, { ref: false });
    }
    const ok = reply.result !== undefined && reply.result['isError'] !== true;
    return { ok, result: reply.result?.['structuredContent'] ?? reply.result ?? reply.error };
  };
}

/** Whether what would be voted on is what was asked: a proposal is canonical JSON, which would round the number. */
function isVotable(args: unknown): boolean {
  try {
    return canonicalJson(args ?? {}) === exactCanonicalJson(args ?? {});
  } catch {
    return false;
  }
}

function toolReply(
  { id }: RpcRequest,
  value: Readonly<Record<string, unknown>>,
  { isError, stateless }: { readonly isError: boolean; readonly stateless: boolean },
): BackendReply {
  const content = [{ type: 'text', text: JSON.stringify(value) }];
  const more = { ...(isError ? { isError } : {}), ...(stateless ? { resultType: 'complete' } : {}) };
  const body = utf8(resultText(id, { content, structuredContent: value, ...more }));
  return { body, outcome: isError ? 'tool_error' : 'ok', reason: isError ? String(value['code']) : 'AWAITING_VOTE' };
}
