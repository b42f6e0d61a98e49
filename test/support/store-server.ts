import type { BackendContext, BackendReply, HostedServer } from '../../node/backends/backend.ts';
import { failure, success } from '../../node/backends/reply.ts';
import type { RpcRequest, ServerDefinition, ServerPromises } from '../../src/mcp/index.ts';

export const PROMISES: ServerPromises = {
  cacheTtlMs: 60_000,
  toolCacheTtlMs: {},
  idempotent: [],
  perAgent: false,
};

const READS = { annotations: { readOnlyHint: true } };
const WRITES = { annotations: { readOnlyHint: false } };

/** A third party's server that holds one value, and counts how often it is asked. A read can be held back where it has looked already. */
export class StoreServer implements HostedServer {
  readonly kind = 'stdio';
  readonly share = 'mesh';
  readonly alias: string;
  readonly promises: ServerPromises;
  readonly ran: string[] = [];
  value = 'first';
  /** What a read says of its own result. */
  says: Readonly<Record<string, unknown>> = {};
  /** What reads wait for after they looked. */
  held: Promise<unknown> | undefined;
  /** What it fails with instead. */
  fails: BackendReply['outcome'] | undefined;

  constructor(alias: string, promises: Partial<ServerPromises> = {}) {
    this.alias = alias;
    this.promises = { ...PROMISES, ...promises };
  }

  state() {
    return { state: 'healthy', since: 0 } as const;
  }

  definition(): ServerDefinition {
    const tool = (name: string, more: object = {}) => ({ name, inputSchema: { type: 'object' }, ...more });
    return {
      serverInfo: { name: this.alias, version: '1' },
      capabilities: { tools: {}, resources: {}, prompts: {} },
      tools: [tool('get', READS), tool('set', WRITES), tool('plain'), tool('other')],
      resources: [{ uri: `store://${this.alias}`, name: 'value' }],
      resourceTemplates: [],
      prompts: [{ name: 'ask', arguments: [{ name: 'about' }] }],
      access: { level: 'OPERATOR', tools: {} },
      promises: this.promises,
    };
  }

  async request({ id, method, params }: RpcRequest, context: BackendContext): Promise<BackendReply> {
    const name = method === 'tools/call' ? String(params?.['name']) : method;
    this.ran.push(name);
    if (this.fails === 'unknown')
      return failure(id, { name: 'OUTCOME_UNKNOWN', message: 'gone' }, { outcome: 'unknown' });
    if (this.fails !== undefined) return failure(id, { name: 'INTERNAL_ERROR', message: 'no' });
    if (name === 'set') {
      this.value = String((params?.['arguments'] as Record<string, unknown> | undefined)?.['value']);
      return success(id, { content: [] });
    }
    const { value } = this;
    await Promise.race([this.held, aborted(context.signal)]);
    if (context.signal.aborted)
      return failure(id, { name: 'OUTCOME_UNKNOWN', message: 'cancelled' }, { outcome: 'unknown' });
    const complete = context.era === 'stateless' ? { resultType: 'complete' } : {};
    const text = `${value} for ${context.principal.agentId}`;
    if (method === 'resources/read')
      return success(id, { contents: [{ uri: params?.['uri'], text }], ...complete, ...this.says });
    if (method === 'prompts/get') {
      const about = JSON.stringify(params?.['arguments'] ?? {});
      return success(id, { messages: [{ role: 'user', content: { type: 'text', text: `${text} ${about}` } }] });
    }
    return success(id, { content: [{ type: 'text', text }], ...complete });
  }

  async start(): Promise<void> {}
  async stop(): Promise<void> {}
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
