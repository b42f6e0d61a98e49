import { agentV1 } from '../support/agents.ts';
import { FogProcesses, GatewayAgent, type ToolAnswer } from '../support/fog-processes.ts';
import type { ProcessNode } from '../support/process-node.ts';
import { until } from '../support/until.ts';
import { aligned } from './table.ts';
import { type Asked, builtInCalls, RATES, type Seen } from './built-in-calls.ts';

const SIMPLE_MS = 50;
const COMPLEX_MS = 200;

/** Every built-in tool of a node in a village of three, asked one call after the other for what people ask, against what it may take. */
export async function builtInTools(): Promise<string> {
  const village = await FogProcesses.start(3);
  const [node, other] = village.nodes as [ProcessNode, ProcessNode, ProcessNode];
  await raiseRates(node);
  const seen: Seen = { other: other.ready.node_id, local: await localName(node), proposals: [], holds: [] };
  const tokens = new Map<string, string>();
  const rows: (readonly string[])[] = [
    ['tool', 'asked by', 'calls', 'answers', 'p50 ms', 'p99 ms', 'longest', 'may take'],
  ];
  const calls = builtInCalls(seen);
  for (const asked of calls) {
    const token = tokens.get(asked.agent) ?? (await node.token(asked.agent));
    tokens.set(asked.agent, token);
    rows.push(asked.isApart === true ? await apart(asked) : await measured(new GatewayAgent(node, token), asked));
  }
  const missed = (await offered(node, [...tokens.values()])).filter((name) => !calls.some(({ tool }) => tool === name));
  return `${aligned(rows)}\n\n${missed.length === 0 ? 'Each tool of every role was asked.' : `NOT ASKED: ${missed.join(', ')}`}`;
}

async function apart(asked: Asked): Promise<readonly string[]> {
  const [node] = (await FogProcesses.start(3)).nodes as [ProcessNode];
  return measured(new GatewayAgent(node, await node.token(asked.agent)), asked);
}

async function measured(agent: GatewayAgent, asked: Asked): Promise<readonly string[]> {
  const answers = new Map<string, number>();
  const times: number[] = [];
  for (let n = 0; n < asked.times; n += 1) {
    const args = asked.args(n);
    const began = performance.now();
    const answer = await agent.call(asked.tool, args, { timeoutMs: 30_000 });
    times.push(performance.now() - began);
    const said = wordFor(answer);
    answers.set(said, (answers.get(said) ?? 0) + 1);
    asked.keep?.(answer.structuredContent ?? {});
  }
  times.sort((one, other) => one - other);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
  const mayTake = asked.isComplex === true ? COMPLEX_MS : SIMPLE_MS;
  const said = [...answers].map(([answer, count]) => (answers.size === 1 ? answer : `${answer} ${count}`)).join(', ');
  const verdict = at(0.99) < mayTake ? `${mayTake}` : `${mayTake}: OVER`;
  const name = asked.note === undefined ? asked.tool : `${asked.tool} (${asked.note})`;
  return [
    name,
    asked.agent,
    `${times.length}`,
    said,
    ...[at(0.5), at(0.99), at(1)].map((ms) => ms.toFixed(1)),
    verdict,
  ];
}

/** `ok`, or the code of a refusal. */
function wordFor({ error, isError, structuredContent }: ToolAnswer): string {
  if (error !== undefined) return String(error.data?.code ?? error.code);
  return isError === true ? `tool: ${String(structuredContent?.['code'] ?? 'error')}` : 'ok';
}

async function offered(node: ProcessNode, tokens: readonly string[]): Promise<string[]> {
  const names = new Set<string>();
  for (const token of tokens) {
    const client = await agentV1(node.ready.gateway, token);
    for (const { name } of (await client.listTools()).tools) if (!name.includes('__')) names.add(name);
    await client.close();
  }
  return [...names].sort();
}

async function localName(node: ProcessNode): Promise<string> {
  const { agents } = await node.json<{ agents: readonly { name: string }[] }>(['agents', 'list']);
  return agents.find(({ name }) => name.startsWith('local@'))?.name ?? 'local';
}

/** What the table is about is how long calls take, not how many a minute allows. */
async function raiseRates(node: ProcessNode): Promise<void> {
  const set = RATES.flatMap((tool) => ['--set', `rates.${tool}.per_minute=100000`]);
  const asked = ['gov', 'propose', '--title', 'Measure', '--type', 'critical_change', ...set, '--agent', 'sage'];
  const { proposal_id: id } = await node.json<{ proposal_id: string }>(asked);
  for (const voter of ['sage', 'curator', 'king'])
    await node.json(['gov', 'vote', id, 'approve', '--reason', 'good', '--final', '--agent', voter]);
  await until(async () => JSON.stringify(await node.json(['gov', 'policy'])).includes(id), { timeoutMs: 10_000 });
}
