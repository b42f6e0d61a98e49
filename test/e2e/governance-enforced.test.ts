import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agentV1 } from '../support/agents.ts';
import { cleanUp, dataFolder, ProcessNode, ROOT, village } from '../support/process-node.ts';
import { until } from '../support/until.ts';

interface Acted {
  readonly proposal_id: string;
  readonly hold_id: string;
  readonly status: string;
}

// The voters' keys are all on `a`; what they decide is looked at on `b`, which had no part in it.
let a: ProcessNode;
let b: ProcessNode;

beforeAll(async () => {
  a = await ProcessNode.start({ name: 'a' });
  const { invite } = await a.json<{ invite: string }>(['invite', '--uses', '1']);
  b = await ProcessNode.start({ name: 'b', args: ['--join', invite] });
  await until(async () => (await b.json<{ peers_admitted: number }>(['status'])).peers_admitted > 0);
  // What follows decides more in a minute than voters may at first.
  const often = { 'rates.governance_proposal.per_minute': 600, 'rates.governance_vote.per_minute': 600 };
  await decide(often, 'critical_change');
}, 90_000);
afterAll(cleanUp);

const sets = (changes: Readonly<Record<string, unknown>>) =>
  Object.entries(changes).flatMap(([key, value]) => ['--set', `${key}=${JSON.stringify(value)}`]);

/** Sage proposes, as many vote as it takes, each for good; resolves when both nodes have it in force. */
async function decide(changes: Readonly<Record<string, unknown>>, type = 'major_change'): Promise<void> {
  const asked = ['gov', 'propose', '--title', 'A decision', '--type', type, ...sets(changes), '--agent', 'sage'];
  const { proposal_id: id } = await a.json<Acted>(asked);
  for (const voter of type === 'critical_change' ? ['sage', 'curator', 'king'] : ['sage', 'curator']) {
    const voted = await a.cli([
      'gov',
      'vote',
      id,
      'approve',
      '--reason',
      'good',
      '--final',
      '--agent',
      voter,
      '--json',
    ]);
    expect(voted.code, voted.stdout + voted.stderr).toBe(0);
  }
  await applied(id);
}

/** Every node has signed that it enforces it. */
const applied = (id: string) =>
  until(
    async () => {
      const { policies } = await b.json<{ policies: { decided_by: string; applied_by: string[] }[] }>([
        'gov',
        'policy',
      ]);
      return policies.some((row) => row.decided_by === id && row.applied_by.length === 2);
    },
    { timeoutMs: 15_000, intervalMs: 200 },
  );

const ping = (node: ProcessNode, agent = 'local') =>
  node.cli(['tools', 'call', 'mesh_ping', '--agent', agent, '--json']).then(({ stdout }) => stdout);

describe('what was decided', () => {
  test('about rates holds back whoever calls too often, on nodes that had no part in it', async () => {
    await decide({ 'rates.mesh_ping.per_minute': 2 });
    const answers = [await ping(b), await ping(b), await ping(b)];
    expect(answers.map((answer) => answer.includes('RATE_LIMITED'))).toEqual([false, false, true]);
    await decide({ 'rates.mesh_ping.per_minute': 1_000 });
    await until(async () => !(await ping(b)).includes('RATE_LIMITED'));
  }, 30_000);

  test('about all agents’ rates lowers what a node was configured with', async () => {
    await decide({ 'rates.per_agent.per_minute': 60 });
    const agent = await agentV1(b.ready.gateway, await b.token());
    const call = () =>
      agent.callTool({ name: 'network_status', arguments: {} }).then(
        () => 'ok',
        (error: unknown) => String(error),
      );
    const answers = await Promise.all(Array.from({ length: 80 }, call));
    expect(answers.some((answer) => answer.includes('the limit of this agent'))).toBe(true);
    await decide({ 'rates.per_agent.per_minute': null });
    await until(async () => (await call()) === 'ok');
    await agent.close();
  }, 30_000);

  test('about the level of an agent changes what its next call may do', async () => {
    expect(await ping(a, 'gardener')).not.toContain('PERMISSION_DENIED');
    await decide({ 'agents.levels.gardener': 'READ_ONLY', 'permissions.tools.mesh_ping.level': 'OPERATOR' });
    expect(await ping(a, 'gardener')).toContain('PERMISSION_DENIED');
    expect(await ping(b)).not.toContain('PERMISSION_DENIED');
  }, 30_000);

  test('about a token ends it, also the session that it opened', async () => {
    const token = await b.token();
    const agent = await agentV1(b.ready.gateway, token);
    await agent.callTool({ name: 'mesh_ping', arguments: {} });
    const { jti } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { jti: string };
    await decide({ 'tokens.revoked': [createHash('sha256').update(jti).digest('hex')] });
    await expect(agent.callTool({ name: 'mesh_ping', arguments: {} })).rejects.toBeDefined();
    await agent.close().catch(() => undefined); // its session is gone
    expect(await ping(b)).not.toContain('error');
  }, 30_000);

  test('about a new agent lets its key speak everywhere, at the level it was given', async () => {
    const added = await a.json<Acted>(['agents', 'add', 'weaver', '--level', 'OPERATOR', '--village', '--vote']);
    expect(added.status).toBe('approved');
    await applied(added.proposal_id);
    const seen = await b.json<{ agents: { name: string; level: string; has_key: boolean }[] }>(['agents', 'list']);
    expect(seen.agents).toContainEqual(expect.objectContaining({ name: 'weaver', level: 'OPERATOR', has_key: false }));
    const said = await a.cli([
      'tools',
      'call',
      'mesh_ping',
      '--agent',
      'weaver',
      '--args',
      JSON.stringify({ node_id: b.ready.node_id }),
      '--json',
    ]);
    expect(said.stdout).not.toContain('error');
  }, 30_000);

  test('to block an issuer makes its tokens nobody’s', async () => {
    await decide({ 'issuers.blocked': [b.ready.node_id] }, 'critical_change');
    expect((await b.cli(['tools', 'call', 'mesh_ping', '--json'])).code).not.toBe(0);
    await decide({ 'issuers.blocked': [] }, 'critical_change');
    expect((await b.cli(['tools', 'call', 'mesh_ping', '--json'])).code).toBe(0);
  }, 60_000);

  test('to close the village turns away whoever comes with an invite', async () => {
    const { invite } = await a.json<{ invite: string }>(['invite', '--uses', '2']);
    await decide({ 'nodes.admission': 'closed' }, 'critical_change');
    const turned = await village(dataFolder('late'), ['join', invite, '--json']);
    expect([turned.code, turned.stdout]).toEqual([1, expect.stringContaining('INVITE_REFUSED')]);
    await decide({ 'nodes.admission': 'invite' }, 'critical_change');
    expect((await village(dataFolder('later'), ['join', invite, '--json'])).code).toBe(0);
  }, 60_000);
});

describe('a hold by one voter', () => {
  const why = 'It sends what it was never asked for';

  test('silences an agent on every node until it is taken back', async () => {
    const held = await a.json<Acted>(['gov', 'hold', 'agent', 'weaver', '--reason', why, '--agent', 'sage']);
    expect(held.status).toBe('held');
    expect((await a.cli(['token', '--agent', 'weaver'])).stderr).toContain('holds weaver back');
    const released = await a.cli(['gov', 'release', held.hold_id.slice(0, 12), '--agent', 'sage']);
    expect(released.code, released.stderr).toBe(0);
    expect((await a.cli(['token', '--agent', 'weaver'])).code).toBe(0);
    expect((await a.cli(['gov', 'show', held.hold_id.slice(0, 12)])).stdout).toContain('took it back');
  }, 30_000);

  test('cuts a node off, and lets it in again when it is taken back', async () => {
    const target = ['gov', 'hold', 'node', b.ready.node_id, '--reason', why, '--agent', 'curator'];
    const { hold_id: id } = await a.json<Acted>(target);
    const admitted = async (node: ProcessNode) =>
      (await node.json<{ peers_admitted: number }>(['status'])).peers_admitted;
    await until(async () => (await admitted(a)) === 0);
    const call = ['tools', 'call', 'mesh_ping', '--args', JSON.stringify({ node_id: b.ready.node_id }), '--json'];
    expect((await a.cli(call)).code).not.toBe(0);
    expect((await a.cli(['gov', 'release', id, '--agent', 'curator'])).code).toBe(0);
    await until(async () => (await admitted(a)) === 1 && (await admitted(b)) === 1, { timeoutMs: 60_000 });
    await until(async () => (await a.cli(call)).code === 0, { timeoutMs: 10_000 });
  }, 90_000);
});

test('an emergency that stops everything leaves deciding open, and the king can restart a server', async () => {
  const tiny = { command: process.execPath, args: [join(ROOT, 'test/fixtures/servers/tiny.mjs')] };
  const c = await ProcessNode.start({ name: 'c', config: { mcpServers: { tiny } } });
  const acts = async (args: object) => {
    const call = ['tools', 'call', 'emergency_override', '--agent', 'king', '--args', JSON.stringify(args)];
    const { stdout } = await c.cli([...call, '--json']);
    return (JSON.parse(stdout) as { structuredContent: { success?: boolean; code?: string } }).structuredContent;
  };
  const echo = () => c.cli(['tools', 'call', 'tiny__echo', '--args', '{"message":"hi"}', '--json']);
  await until(async () => (await echo()).stdout.includes('hi'));
  const pidOf = async () =>
    (await c.json<{ servers: { alias: string; pid?: number }[] }>(['servers'])).servers.find(
      ({ alias }) => alias === 'tiny',
    )?.pid;
  const before = await pidOf();
  const justification = 'It has hung since yesterday evening';
  const restart = { override_action: 'force_restart', justification };
  expect(await acts({ ...restart, target_system: 'tiny' })).toMatchObject({ success: true });
  await until(async () => (await echo()).stdout.includes('hi') && (await pidOf()) !== before);
  expect(await acts({ ...restart, target_system: 'nobody' })).toMatchObject({ code: 'NOT_RESTARTED' });

  const stop = { override_action: 'emergency_shutdown', target_system: 'all_systems', justification };
  expect(await acts(stop)).toMatchObject({ success: true });
  expect((await echo()).stdout).toContain('BLOCKED');
  const asked = ['gov', 'propose', '--title', 'x', '--type', 'major_change', '--set', 'knowledge.retention_days=45'];
  const { proposal_id: id } = await c.json<Acted>([...asked, '--vote', '--agent', 'sage']);
  const voted = await c.json<{ proposal_status: string }>([
    'gov',
    'vote',
    id,
    'approve',
    '--reason',
    'x',
    '--agent',
    'curator',
  ]);
  expect(voted.proposal_status).toBe('approved');
}, 60_000);
