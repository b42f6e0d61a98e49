import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { call, initialize, JSON_TYPE, stateless } from '../support/echo-gateway.ts';
import { send } from '../support/http.ts';
import { ProcessNode } from '../support/process-node.ts';
import { type NpmGateway, startNpmGateway } from './npm-gateways.ts';
import { ID, type Target } from './wrk.ts';

export interface Contender {
  readonly name: string;
  /** Of which other it is a share: the bare server in the same layout of processes. */
  readonly beside: string;
  readonly targets: readonly Target[];
  /** Processes that take part, without what they started. */
  readonly pids: readonly number[];
}

const TARGET = fileURLToPath(new URL('gateway-target.ts', import.meta.url));
const BACKEND = [process.execPath, fileURLToPath(new URL('stdio-echo.ts', import.meta.url))];
const OPENING = initialize('2025-11-25');
const ECHO = JSON.stringify(call(ID, 'echo'));
/** Limits so high that none is met; they are counted all the same. */
const CONFIG = {
  limits: { perAgentPerMinute: 1e8, perSourcePerMinute: 1e8, perNodePerSecond: 1e7 },
  mcpServers: { echo: { command: BACKEND[0], args: BACKEND.slice(1) } },
};

/** Starts what `wanted` says, each only once, and ends all of it when disposed (the nodes by `cleanUp`). */
export class Contenders implements Disposable {
  readonly #children: ChildProcess[] = [];
  readonly nodes: { readonly node: ProcessNode; readonly token: string }[] = [];

  async bare(): Promise<Contender> {
    return { name: 'bare node:http', beside: 'bare node:http', ...(await this.#target('bare')) };
  }

  async bareThrice(): Promise<Contender> {
    const all = [await this.#target('bare'), await this.#target('bare'), await this.#target('bare')];
    const name = 'bare node:http, three';
    return { name, beside: name, targets: all.flatMap((one) => one.targets), pids: all.flatMap((one) => one.pids) };
  }

  async sdk(kind: 'sdk' | 'sdk2'): Promise<Contender> {
    const name = kind === 'sdk' ? 'SDK v1, stateful' : 'SDK v2, handler';
    return { name, beside: 'bare node:http', ...(await this.#target(kind)) };
  }

  async npm(name: NpmGateway): Promise<Contender> {
    const { child, port, sessionId } = await startNpmGateway(name, { backend: BACKEND, opening: OPENING });
    this.#children.push(child);
    const headers = { ...JSON_TYPE, 'Mcp-Session-Id': sessionId, 'MCP-Protocol-Version': '2025-11-25' };
    const targets = [{ port, path: '/mcp', headers, bodies: [ECHO] }];
    return { name: `${name} → stdio`, beside: 'bare node:http', targets, pids: [child.pid as number] };
  }

  async local(): Promise<Contender> {
    const { pid, target } = await this.#node(0);
    return { name: 'Village, local', beside: 'bare node:http', targets: [target('mesh_ping', [{}])], pids: [pid] };
  }

  /** The same call from an agent of the revisions with sessions. */
  async session(): Promise<Contender> {
    const { pid, target } = await this.#node(0);
    const { headers, port } = target('mesh_ping', [{}]);
    const url = `http://127.0.0.1:${port}/mcp`;
    const asked = { ...JSON_TYPE, Authorization: String(headers['Authorization']) };
    const reply = await send(url, { method: 'POST', headers: asked, body: JSON.stringify(OPENING) });
    const session = { ...asked, 'Mcp-Session-Id': String(reply.headers['mcp-session-id']) };
    const body = JSON.stringify(call(ID, 'mesh_ping', { arguments: {} }));
    const targets = [
      { port, path: '/mcp', headers: { ...session, 'MCP-Protocol-Version': '2025-11-25' }, bodies: [body] },
    ];
    return { name: 'Village, local, session', beside: 'bare node:http', targets, pids: [pid] };
  }

  async stdio(): Promise<Contender> {
    const { pid, target } = await this.#node(0);
    const targets = [target('echo__echo', [{ message: 'hi' }])];
    return { name: 'Village → stdio', beside: 'bare node:http', targets, pids: [pid] };
  }

  async hop(): Promise<Contender> {
    const near = await this.#node(0);
    const far = await this.#node(1);
    const targets = [near.target('mesh_ping', [{ node_id: far.id }])];
    return { name: 'Village, one hop', beside: 'bare node:http', targets, pids: [near.pid, far.pid] };
  }

  /** Agents at each of three nodes; `spread`: each call goes to the next node, two thirds of them over a hop. */
  async three(spread: boolean): Promise<Contender> {
    const nodes = [await this.#node(0), await this.#node(1), await this.#node(2)];
    const ids = nodes.map(({ id }) => id);
    const args = spread ? ids.map((node_id) => ({ node_id })) : [{}];
    return {
      name: spread ? 'Village, three, spread' : 'Village, three, local',
      beside: 'bare node:http, three',
      targets: nodes.map(({ target }) => target('mesh_ping', args)),
      pids: nodes.map(({ pid }) => pid),
    };
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill();
  }

  async #target(kind: string): Promise<Pick<Contender, 'targets' | 'pids'>> {
    const child = fork(TARGET, [kind]);
    this.#children.push(child);
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    const headers: Record<string, string> = { ...JSON_TYPE, Authorization: 'Bearer alice' };
    if (kind === 'sdk') {
      const url = `http://127.0.0.1:${port}/mcp`;
      const reply = await send(url, { method: 'POST', headers, body: JSON.stringify(OPENING) });
      headers['Mcp-Session-Id'] = String(reply.headers['mcp-session-id']);
      headers['MCP-Protocol-Version'] = '2025-11-25';
    }
    const [modern, mirrored] = stateless(ID, 'tools/call', { name: 'echo', arguments: { message: 'hi' } });
    if (kind === 'sdk2') Object.assign(headers, mirrored.headers);
    const body = kind === 'sdk2' ? JSON.stringify(modern) : ECHO;
    return { targets: [{ port, path: '/mcp', headers, bodies: [body] }], pids: [child.pid as number] };
  }

  /** The n-th node of one village. */
  async #node(n: number): Promise<{
    id: string;
    pid: number;
    target: (tool: string, args: readonly object[]) => Target;
  }> {
    const [first] = this.nodes;
    while (this.nodes.length <= n) {
      const { invite } =
        first === undefined ? { invite: undefined } : await first.node.json<{ invite: string }>(['invite']);
      const args = invite === undefined ? [] : ['--join', invite];
      const node = await ProcessNode.start({ name: `bench-${this.nodes.length}`, config: CONFIG, args, ...NODE });
      this.nodes.push({ node, token: await node.token() });
      return this.#node(n);
    }
    const { node, token } = this.nodes[n] as (typeof this.nodes)[number];
    const target = (tool: string, args: readonly object[]): Target => {
      const one = (given: object) => stateless(ID, 'tools/call', { name: tool, arguments: given });
      const headers = { ...JSON_TYPE, Authorization: `Bearer ${token}`, ...one({})[1].headers };
      const bodies = args.map((given) => JSON.stringify(one(given)[0]));
      return { port: Number(new URL(node.ready.gateway).port), path: '/mcp', headers, bodies };
    };
    return { id: node.ready.node_id, pid: node.ready.pid, target };
  }
}

/** As `npm start` runs it. */
const NODE = { nodeArgs: ['--max-semi-space-size=32', ...(process.env['NODE_ARGS']?.split(' ') ?? [])] };
