import { afterAll, beforeAll, expect, test } from 'vitest';
import { bearer, stateless } from '../support/echo-gateway.ts';
import { HoldingServer } from '../support/holding-server.ts';
import { type Reply, send } from '../support/http.ts';
import { cleanUp, ProcessNode } from '../support/process-node.ts';
import { until } from '../support/until.ts';

const LEVELS = ['READ_ONLY', 'OPERATOR', 'COORDINATOR', 'GOVERNANCE', 'EMERGENCY'] as const;
type Level = (typeof LEVELS)[number];
const HIGHEST_SHED = 4;

/** So many calls at a time are too many for the node; with two less it turns away neither more nor less. */
const TOO_MANY = 10;
const BETWEEN = TOO_MANY - 2;
const SLOW = { timeoutMs: 20_000, intervalMs: 50 };

let server: HoldingServer;
let node: ProcessNode;
const tokens = new Map<Level, string>();

beforeAll(async () => {
  server = await HoldingServer.listen();
  // Only the calls themselves are to count, however busy or small the machine is.
  const overload = { inFlight: TOO_MANY, delayMs: 60_000, memoryPercent: 100 };
  const config = { mcpServers: { slow: { url: server.url } }, limits: { overload }, log: { format: 'json' } };
  node = await ProcessNode.start({ name: 'pressed', config });
  for (const level of LEVELS) tokens.set(level, await node.token('king', ['--level', level]));
  await until(async () => JSON.stringify(await node.json(['tools', 'list'])).includes('slow__hold'), SLOW);
}, 60_000);
afterAll(async () => {
  await cleanUp();
  await server[Symbol.asyncDispose]();
});

test('under a pile of slow calls a node turns away level after level from the lowest, health and emergency never, and lets them in again', async () => {
  expect(await served()).toEqual(LEVELS);
  const pile: Promise<Reply>[] = [];
  const pileUp = async (by: Level) => {
    while (server.held < TOO_MANY) {
      const wanted = server.held + 1;
      pile.push(call('slow__hold', by));
      await until(() => server.held === wanted);
    }
  };
  for (let level = 1; level <= HIGHEST_SHED; level += 1) {
    // What is under way goes on; what comes on top has to come from who is still let in.
    await pileUp(level === 1 ? 'OPERATOR' : 'EMERGENCY');
    await until(() => (steps().at(-1) ?? 0) >= level, SLOW);
    server.release(TOO_MANY - BETWEEN);
    await until(async () => (await metric('village_calls_in_flight')) === BETWEEN, SLOW);
    const turnedAway = await metric('village_overload_levels_shed');
    expect(turnedAway).toBeGreaterThanOrEqual(level);
    expect(await served()).toEqual(LEVELS.slice(turnedAway));
  }
  expect(steps()).toEqual([1, 2, 3, 4]);

  const refused = await call('policy_query', 'GOVERNANCE', { key: 'display.village_name' });
  expect(refused.json.error).toMatchObject({ code: -32004, data: { code: 'RATE_LIMITED', retry_after_ms: 2_000 } });
  expect((await call('slow__hold', 'OPERATOR')).status).toBe(429);
  const vote = { proposal_id: 'none', decision: 'approve', reasoning: 'none' };
  expect([
    (await call('mesh_ping', 'READ_ONLY')).status,
    (await call('system_overview', 'READ_ONLY')).status,
    (await call('governance_vote', 'GOVERNANCE', vote)).status,
    (await call('emergency_override', 'EMERGENCY')).status,
  ]).toEqual([200, 200, 200, 200]);
  // The way to an emergency is open to whoever may take it, and to nobody else.
  expect((await call('emergency_override', 'GOVERNANCE')).json.error.data.code).toBe('PERMISSION_DENIED');

  server.release(BETWEEN);
  const replies = await Promise.all(pile);
  expect(replies.map(({ json }) => json.result?.content[0].text)).toEqual(pile.map(() => 'let go'));
  await until(() => steps().at(-1) === 0, SLOW);
  expect(steps()).toEqual([1, 2, 3, 4, 3, 2, 1, 0]);
  expect(await served()).toEqual(LEVELS);
}, 120_000);

/** How many levels were turned away, each time that changed. */
function steps(): number[] {
  return [...node.log.matchAll(/"event":"overload\.changed".*?"levels":(\d)/g)].map(([, levels]) => Number(levels));
}

/** Whose calls are answered that ask for nothing special. */
async function served(): Promise<Level[]> {
  const letIn: Level[] = [];
  for (const level of LEVELS) {
    const { status } = await call('policy_query', level, { key: 'display.village_name' });
    expect([200, 429]).toContain(status);
    if (status === 200) letIn.push(level);
  }
  return letIn;
}

async function metric(name: string): Promise<number> {
  const { text } = await send(`${node.ready.admin}/metrics`);
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.split(' ').at(-1));
}

function call(tool: string, by: Level, args: object = {}): Promise<Reply> {
  const [body, { headers }] = stateless(1, 'tools/call', { name: tool, arguments: args });
  const all = { ...headers, ...bearer(tokens.get(by) ?? '') };
  return send(node.ready.gateway, { method: 'POST', headers: all, body: JSON.stringify(body) });
}
