import { text } from '../../src/kernel/index.ts';
import { VillageError } from '../../src/kernel/index.ts';
import type { RpcRequest } from '../../src/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import type { AdminHandlers, ToolResult, ToolRow } from '../admin/index.ts';
import type { RouterPort } from '../gateway/router-port.ts';
import type { TokenDesk } from '../identity/index.ts';
import { TokenError } from './tokens.ts';

/** A call that the village or the server answered with an error; `code` is its string code. */
export class CallError extends VillageError {}

export interface ToolParts {
  readonly desk: Pick<TokenDesk, 'mint' | 'verify'>;
  readonly router: Pick<RouterPort, 'handle'>;
  readonly defaultAgent: () => string;
}

const NOBODY = new AbortController().signal;

/** The tools of the village through the one pipeline, as an agent of this node sees them. */
export function toolVerbs(parts: ToolParts): Pick<AdminHandlers, 'tools.list' | 'tools.describe' | 'tools.call'> {
  const listed = async (agent: string | undefined): Promise<readonly ToolRow[]> => {
    const result = await ask(parts, { agent, method: 'tools/list', params: {} });
    return (result as { tools: readonly ToolRow[] }).tools;
  };
  return {
    'tools.list': async ({ agent }) => ({ tools: await listed(agent) }),
    'tools.describe': async ({ name, agent }) => {
      const tool = (await listed(agent)).find((one) => one.name === name);
      if (tool === undefined) {
        throw new CallError('UNKNOWN_TOOL', `this agent sees no tool ${name}`, {
          hint: '`village tools list` shows what it sees',
        });
      }
      return { tool };
    },
    'tools.call': async ({ name, arguments: args, agent, timeout_ms: timeoutMs }, { signal }) => {
      return ask(parts, { agent, method: 'tools/call', params: { name, arguments: args } }, { timeoutMs, signal });
    },
  };
}

async function ask(
  { desk, router, defaultAgent }: ToolParts,
  asked: {
    readonly agent: string | undefined;
    readonly method: string;
    readonly params: Readonly<Record<string, unknown>>;
  },
  options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
): Promise<ToolResult> {
  const principal = await speakAs(desk, asked.agent ?? defaultAgent());
  const request: RpcRequest = { jsonrpc: '2.0', id: 1, method: asked.method, params: asked.params };
  const { timeoutMs, signal = NOBODY } = options;
  const common = { era: 'session', view: undefined, sourceIp: 'admin', sessionId: undefined } as const;
  const { body } = await router.handle({ request, principal, ...common, signal, timeoutMs });
  const answer = JSON.parse(text(body)) as {
    readonly result?: ToolResult;
    readonly error?: { readonly code: number; readonly message: string; readonly data?: { readonly code?: unknown } };
  };
  if (answer.result !== undefined) return answer.result;
  const code = answer.error?.data?.code;
  throw new CallError(
    typeof code === 'string' ? code : String(answer.error?.code),
    answer.error?.message ?? 'no answer',
  );
}

/** The operator acts as one of the node's agents, with that agent's own rights and no more. */
async function speakAs(desk: ToolParts['desk'], agent: string): Promise<Principal> {
  const minted = await desk.mint({ agent, ttlMs: 300_000 });
  if (minted.kind === 'refused') throw new TokenError('MAY_NOT_SPEAK', minted.message, { hint: minted.hint });
  const verdict = await desk.verify(minted.token);
  if (verdict.kind === 'refused') throw new TokenError('MAY_NOT_SPEAK', verdict.message);
  return verdict.principal;
}
