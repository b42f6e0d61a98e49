import { call, initialize, JSON_TYPE } from '../support/echo-gateway.ts';
import { send } from '../support/http.ts';
import type { Contenders } from './contenders.ts';
import { aligned } from './table.ts';

const SIMPLE_MS = 50;
const COMPLEX_MS = 200;
/** As many calls as fit, at most. */
const CALLS = 100;
const MAX_MS = 3_000;

interface Tool {
  readonly name: string;
  readonly inputSchema: Schema;
}
interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly Schema[];
}

/** Each built-in tool of a node by itself, called as its schema's smallest arguments allow, against what it may take. */
export async function builtInTools(contenders: Contenders): Promise<string> {
  await contenders.local();
  const [first] = contenders.nodes;
  if (first === undefined) return 'no node';
  const { node } = first;
  const rows: (readonly string[])[] = [['tool', 'asked by', 'answers', 'p50 ms', 'p99 ms', 'under']];
  for (const agent of ['local', 'magi', 'king', 'sage', 'auditor']) {
    const token = await node.token(agent).catch(() => undefined);
    if (token === undefined) continue;
    const seen = new Set(rows.map(([name]) => name));
    const client = await Client.open(node.ready.gateway, token);
    for (const tool of await client.tools()) {
      if (!seen.has(tool.name) && !tool.name.includes('__')) rows.push(await measured(client, tool, agent));
    }
  }
  return aligned(rows);
}

async function measured(client: Client, tool: Tool, agent: string): Promise<readonly string[]> {
  const args = smallest(tool.inputSchema);
  const answers = new Map<string, number>();
  const times: number[] = [];
  const until = performance.now() + MAX_MS;
  for (let n = 0; n < CALLS && performance.now() < until; n += 1) {
    const began = performance.now();
    const answer = await client.call(tool.name, args);
    times.push(performance.now() - began);
    answers.set(answer, (answers.get(answer) ?? 0) + 1);
  }
  times.sort((one, other) => one - other);
  const p99 = times[Math.floor(times.length * 0.99)] ?? Number.NaN;
  const said = [...answers].map(([answer, count]) => (answers.size === 1 ? answer : `${answer} ${count}`)).join(', ');
  const limit = p99 < SIMPLE_MS ? `${SIMPLE_MS} ms` : p99 < COMPLEX_MS ? `${COMPLEX_MS} ms` : 'OVER';
  return [tool.name, agent, said, (times[times.length >> 1] ?? Number.NaN).toFixed(2), p99.toFixed(2), limit];
}

class Client {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  #id = 1;

  private constructor(url: string, headers: Readonly<Record<string, string>>) {
    this.#url = url;
    this.#headers = headers;
  }

  static async open(url: string, token: string): Promise<Client> {
    const headers = { ...JSON_TYPE, Authorization: `Bearer ${token}` };
    const body = JSON.stringify(initialize('2025-11-25'));
    const reply = await send(url, { method: 'POST', headers, body });
    return new Client(url, { ...headers, 'Mcp-Session-Id': String(reply.headers['mcp-session-id']) });
  }

  async tools(): Promise<readonly Tool[]> {
    const { json } = await this.#ask({ jsonrpc: '2.0', id: (this.#id += 1), method: 'tools/list', params: {} });
    return (json?.result?.tools ?? []) as readonly Tool[];
  }

  /** How it was answered: `ok`, `tool error`, or the code of a refusal. */
  async call(name: string, args: unknown): Promise<string> {
    const { json, status } = await this.#ask(call((this.#id += 1), name, { arguments: args }));
    if (json?.error !== undefined) return String(json.error.data?.code ?? json.error.code);
    if (json === undefined) return `HTTP ${status}`;
    return json.result.isError === true ? 'tool error' : 'ok';
  }

  #ask(message: object): ReturnType<typeof send> {
    return send(this.#url, { method: 'POST', headers: this.#headers, body: JSON.stringify(message) });
  }
}

/** The smallest value that a schema describes: what it requires, and nothing else. */
function smallest(schema: Schema): unknown {
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.anyOf?.[0] !== undefined) return smallest(schema.anyOf[0]);
  switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
    case 'string':
      return 'bench';
    case 'integer':
    case 'number':
      return schema.minimum ?? 1;
    case 'boolean':
      return false;
    case 'array':
      return [];
    default: {
      const required = schema.required ?? [];
      return Object.fromEntries(required.map((name) => [name, smallest(schema.properties?.[name] ?? {})]));
    }
  }
}
