import type { RouterCall, RouterPort, RouterReply } from '../../node/gateway/index.ts';
import type { ClientQuestion } from '../../node/backends/backend.ts';
import { errorText, resultText } from '../../src/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';

const MIRRORED = [{ header: 'mcp-param-region', path: ['where', 'region'], isNumber: false }];
type Change = 'tools' | 'resources' | 'prompts';
type Subscribe = Parameters<RouterPort['subscribe']>[0];
export type Refused = Parameters<RouterPort['refused']>[0];

const REGIONAL = {
  type: 'object',
  properties: { where: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } } },
};
const TOOLS = ['echo', 'hold', 'progress', 'ask', 'limited', 'chatty'].map((name) => ({
  name,
  description: name,
  inputSchema: name === 'progress' ? REGIONAL : { type: 'object' },
}));

/** A router in this process that answers at once: what the gateway is tried against. `hold` answers when released or cancelled. */
export class EchoRouter implements RouterPort {
  readonly calls: RouterCall[] = [];
  readonly refusals: Refused[] = [];
  readonly aborted: RouterCall[] = [];
  /** URI → those who want to hear of it. */
  readonly interest = new Map<string, Set<(uri: string) => void>>();
  readonly subscribes: Subscribe[] = [];
  /** What the tool `ask` was told. */
  readonly answers: unknown[] = [];
  /** Aborts what the tool `ask` waits for. */
  impatience = new AbortController();
  readonly #listeners = new Set<(what: Change) => void>();
  readonly #held: (() => void)[] = [];
  readonly #arrivals: ((call: RouterCall) => void)[] = [];

  async handle(call: RouterCall): Promise<RouterReply> {
    this.calls.push(call);
    for (const arrived of this.#arrivals.splice(0)) arrived(call);
    const { request } = call;
    switch (request.method) {
      case 'tools/list':
        return this.#result(call, { tools: TOOLS });
      case 'tools/call':
        return this.#tool(call);
      case 'resources/read':
        return this.#result(call, { contents: [{ uri: String(request.params?.['uri']), text: 'read' }] });
      default:
        return this.#result(call, { method: request.method });
    }
  }

  describe(_principal: Principal, view: string | undefined): ReturnType<RouterPort['describe']> {
    if (view === 'nowhere' || view === 'ill') return undefined;
    return {
      capabilities: { tools: { listChanged: true }, resources: {}, prompts: { listChanged: true } },
      instructions: view === undefined ? 'the whole village' : `the server ${view}`,
    };
  }

  away(_principal: Principal, view: string): ReturnType<RouterPort['away']> {
    return view === 'ill' ? 'ill is not there' : undefined;
  }

  served: ReturnType<RouterPort['servers']> = [];

  /** `progress` wants `where.region` repeated as Mcp-Param-Region. */
  mirrored(tool: string): ReturnType<RouterPort['mirrored']> {
    return tool === 'progress' ? MIRRORED : [];
  }

  servers(principal: Principal): ReturnType<RouterPort['servers']> {
    return principal.agentId === 'alice' ? this.served : [];
  }

  refused(detail: Refused): void {
    this.refusals.push(detail);
  }

  onListChanged(listener: (what: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async subscribe(call: Subscribe, listener: (uri: string) => void): ReturnType<RouterPort['subscribe']> {
    this.subscribes.push(call);
    const uri = String(call.request.params?.['uri']);
    if (uri.startsWith('secret:')) {
      const error = { name: 'PERMISSION_DENIED', message: 'not for you' } as const;
      return { kind: 'refused', reply: { body: Buffer.from(errorText(call.request.id, error)) } };
    }
    const listeners = this.interest.get(uri) ?? new Set();
    this.interest.set(uri, listeners.add(listener));
    const end = (): void => {
      listeners.delete(listener);
      if (listeners.size === 0) this.interest.delete(uri);
    };
    return { kind: 'subscribed', end };
  }

  update(uri: string): void {
    for (const listener of this.interest.get(uri) ?? []) listener(uri);
  }

  change(what: Change): void {
    for (const listener of this.#listeners) listener(what);
  }

  /** The next call that reaches the router. */
  arrival(): Promise<RouterCall> {
    return new Promise((resolve) => this.#arrivals.push(resolve));
  }

  release(): void {
    for (const go of this.#held.splice(0)) go();
  }

  async #tool(call: RouterCall): Promise<RouterReply> {
    const { name, arguments: given } = call.request.params as { name: string; arguments?: Record<string, unknown> };
    const content = [{ type: 'text', text: String(given?.['message'] ?? '') }];
    switch (name) {
      case 'echo':
        return this.#result(call, { content });
      case 'hold':
        await this.#hold(call);
        return this.#result(call, { content: [{ type: 'text', text: 'released' }] });
      case 'progress':
        for (const progress of [1, 2, 3]) this.#progress(call, progress);
        if (given?.['wait'] === true) await this.#hold(call);
        return this.#result(call, { content });
      case 'ask': {
        const question = given?.['question'] as ClientQuestion;
        const answer = await call.ask?.(question, { signal: this.impatience.signal });
        this.answers.push(answer);
        return this.#result(call, { content: [], structuredContent: answer ?? { unasked: true } });
      }
      case 'chatty':
        call.onRelated?.(Buffer.from('{\n  "jsonrpc": "2.0",\r\n  "method": "notifications/message"\n}'));
        return {
          body: Buffer.from(`{"jsonrpc":"2.0",\n"id":${JSON.stringify(call.request.id)},\n"result":{"content":[]}}`),
        };
      case 'limited': {
        const error = { name: 'RATE_LIMITED', message: 'too fast' } as const;
        const body = Buffer.from(errorText(call.request.id, error, { retryAfterMs: 1500 }));
        return { body, errorName: error.name, retryAfterMs: 1500 };
      }
      default: {
        const error = { name: 'INVALID_PARAMS', message: 'unknown tool' } as const;
        return { body: Buffer.from(errorText(call.request.id, error)), errorName: error.name };
      }
    }
  }

  #hold(call: RouterCall): Promise<void> {
    return new Promise((resolve) => {
      this.#held.push(resolve);
      call.signal.addEventListener('abort', () => {
        this.aborted.push(call);
        resolve();
      });
    });
  }

  #progress(call: RouterCall, progress: number): void {
    const meta = call.request.params?.['_meta'] as { progressToken?: unknown } | undefined;
    const params = { progressToken: meta?.progressToken ?? 'none', progress, total: 3 };
    call.onRelated?.(Buffer.from(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params })));
  }

  #result(call: RouterCall, result: object): RouterReply {
    const stateless = call.era === 'stateless' ? { resultType: 'complete', ttlMs: 0, cacheScope: 'private' } : {};
    return { body: Buffer.from(resultText(call.request.id, { ...result, ...stateless })) };
  }
}
