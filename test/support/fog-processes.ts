import { readdirSync, readFileSync } from 'node:fs';
import { ProcessNode, villageJson } from './process-node.ts';
import { until } from './until.ts';

/** Of a machine that does much else. */
const START_MS = 40_000;

export interface ShardRow {
  readonly shard_id: string;
  readonly slot: number;
  readonly epoch: number;
  readonly node_id: string | null;
  readonly placement_id: string | null;
  readonly status: string;
  readonly server: string;
  readonly reason?: string;
}

export interface Deployed {
  readonly deployment_id: string;
  readonly status: string;
  readonly node_id: string | null;
  readonly epoch: number;
  readonly server: string;
  readonly proposal_id?: string;
  readonly shards: readonly ShardRow[];
}

interface Ledger {
  readonly capacity: object;
  readonly free: object;
  readonly shards: number;
}

export interface ToolAnswer {
  readonly isError?: boolean;
  readonly structuredContent?: Readonly<Record<string, unknown>>;
  readonly content?: readonly { readonly text?: string }[];
  readonly error?: { readonly code: number; readonly data?: { readonly code?: string; readonly retryable?: boolean } };
}

/** Speaks for one agent through one node's gateway, without a session. */
export class GatewayAgent {
  readonly #url: string;
  readonly #token: string;

  constructor(node: ProcessNode, token: string) {
    this.#url = node.ready.gateway;
    this.#token = token;
  }

  /** `key`: of the slot that the call belongs to. */
  async call(
    name: string,
    args: object = {},
    { key, timeoutMs = 20_000 }: { readonly key?: string; readonly timeoutMs?: number } = {},
  ): Promise<ToolAnswer> {
    const meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
      ...(key === undefined ? {} : { 'village/fog-key': key }),
    };
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${this.#token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': name,
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name, arguments: args, _meta: meta },
      }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await response.text();
    const line = text.split('\n').find((one) => one.startsWith('data:') && one.includes('"jsonrpc"'));
    const answer = JSON.parse(line === undefined ? text : line.slice(5)) as {
      result?: ToolAnswer;
      error?: ToolAnswer['error'];
    };
    return answer.result ?? { ...(answer.error === undefined ? {} : { error: answer.error }) };
  }
}

/** Nodes of one village, each a process of its own, that say they have 4 cores and 8 GiB. */
export class FogProcesses {
  readonly nodes: ProcessNode[] = [];

  static async start(count: number, config: object = {}): Promise<FogProcesses> {
    const village = new FogProcesses();
    const [founder, ...others] = Array.from({ length: count }, () => configOf(config));
    const first = await ProcessNode.start({ name: 'fog-0', config: founder ?? {}, timeoutMs: START_MS });
    village.nodes.push(first);
    const { invite } = await first.json<{ invite: string }>(['invite', '--uses', String(count)]);
    for (const [index, other] of others.entries()) {
      village.nodes.push(
        await ProcessNode.start({
          name: `fog-${index + 1}`,
          config: other,
          args: ['--join', invite],
          timeoutMs: START_MS,
        }),
      );
    }
    await until(async () => (await village.found(first)).length === count, {
      timeoutMs: 20_000,
      intervalMs: 200,
      what: 'the first node knows of the room of all',
    });
    return village;
  }

  get first(): ProcessNode {
    return this.nodes[0] as ProcessNode;
  }

  /** Ids of nodes with 4 cores and 8 GiB free, as `node` sees it. */
  async found(node: ProcessNode): Promise<readonly string[]> {
    const args = ['fog', 'nodes', '--cpu', '4', '--memory', '8'];
    const { available_nodes: nodes } = await node.json<{ available_nodes: { node_id: string }[] }>(args);
    return nodes.map(({ node_id }) => node_id);
  }

  of(nodeId: string | null): ProcessNode {
    const found = this.nodes.findLast(({ ready }) => ready.node_id === nodeId);
    if (found === undefined) throw new Error(`no process of ${nodeId}`);
    return found;
  }

  /** Starts the node of that data folder again. */
  async restart(node: ProcessNode): Promise<ProcessNode> {
    const again = await ProcessNode.start({ data: node.data, timeoutMs: START_MS });
    this.nodes[this.nodes.indexOf(node)] = again;
    return again;
  }

  async ledger(node: ProcessNode): Promise<Ledger> {
    return (await node.json<{ ledger: Ledger }>(['fog', 'top'])).ledger;
  }

  /** Everything has ended: nothing runs of any of them, and each has all that it had free. */
  async provesNothingLeft(): Promise<void> {
    const live = this.nodes.filter(({ exited }) => !exited);
    if (live.length === 0) throw new Error('no node is left to look at');
    await until(() => shardsUnder(this.nodes.map(({ data }) => data)).length === 0, {
      timeoutMs: 20_000,
      what: 'no process of a shard is left',
    });
    for (const node of live) {
      await until(
        async () => {
          const { capacity, free, shards } = await this.ledger(node);
          return shards === 0 && JSON.stringify(free) === JSON.stringify(capacity);
        },
        { timeoutMs: 20_000, intervalMs: 200, what: `all of ${node.ready.node_id} is free again` },
      );
    }
  }
}

/** Pids of shards whose folder lies in one of these data folders, by this file's own reading of /proc. `alive`: not stopped either. */
export function shardsUnder(
  folders: readonly string[],
): readonly { readonly pid: number; readonly slot: string; readonly epoch: number }[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const variables = readFileSync(`/proc/${entry}/environ`, 'latin1').split('\0');
      const dead = /\) Z /.test(readFileSync(`/proc/${entry}/stat`, 'latin1'));
      const of = (name: string) => variables.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);
      const input = of('FOG_INPUT');
      if (dead || of('FOG_PLACEMENT') === undefined || input === undefined) return [];
      if (!folders.some((folder) => input.startsWith(`${folder}/`))) return [];
      return [{ pid: Number(entry), slot: of('FOG_SLOT') ?? '', epoch: Number(of('FOG_EPOCH')) }];
    } catch {
      return []; // it ended while we looked
    }
  });
}

export async function deployed(node: ProcessNode, args: readonly string[]): Promise<Deployed> {
  return villageJson<Deployed>(node.data, ['fog', 'deploy', ...args], { timeoutMs: 45_000 });
}

function configOf(more: object): object {
  return { fog: { capacity: { cpu_cores: 4, memory_gb: 8 } }, ...more };
}
