import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { revokeOwnAgent, revokeToken } from '../../node/identity/index.ts';
import { MEMBERSHIP_TYP, nodeSuffix } from '../../src/constitution/index.ts';
import { readJws } from '../../src/kernel/index.ts';
import { endOf, LyingNode } from '../support/lying-node.ts';
import { cleanUp, dataFolder, ProcessNode, ROOT, run, village, villageJson } from '../support/process-node.ts';
import { until } from '../support/until.ts';

const TINY = join(ROOT, 'test/fixtures/servers/tiny.mjs');
const echo = { server: 'tiny', tool: 'echo', args: { message: 'hi' } };
const ping = { server: 'p2p', tool: 'mesh_ping' };

let a: ProcessNode;
let b: ProcessNode;
/** May vouch for OPERATOR. */
let liar: LyingNode;
/** May vouch for READ_ONLY. */
let lesser: LyingNode;

const invite = async (...args: string[]) => (await a.json<{ invite: string }>(['invite', ...args])).invite;

beforeAll(async () => {
  a = await ProcessNode.start({
    name: 'a',
    config: { mcpServers: { tiny: { command: process.execPath, args: [TINY] } } },
  });
  b = await ProcessNode.start({ name: 'b', args: ['--join', await invite()] });
  liar = await LyingNode.join(await invite());
  lesser = await LyingNode.join(await invite('--level', 'READ_ONLY'));
  for (const node of [liar, lesser]) await node.meet(a.ready.addresses);
  const tools = async () => (await b.cli(['tools', 'list'])).stdout;
  await until(async () => (await tools()).includes('tiny__echo'), { timeoutMs: 10_000 });
  // Everything below is about refusals: this is what is refused.
  expect(endOf(await liar.call(liar.claim(a.ready.node_id), echo))).toBe('ok');
}, 40_000);

afterAll(async () => {
  await Promise.all([liar?.[Symbol.asyncDispose](), lesser?.[Symbol.asyncDispose]()]);
  await cleanUp();
});

/** The HTTP status that a gateway gives to a ping under this token. */
async function statusOf(gateway: string, token: string): Promise<number> {
  const response = await fetch(gateway, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
    }),
    signal: AbortSignal.timeout(5_000),
  });
  await response.body?.cancel();
  return response.status;
}

describe('nobody is anybody else', () => {
  test('a node that holds no key of sage speaks for sage neither at home nor elsewhere', async () => {
    const minted = await village(b.data, ['token', '--agent', 'sage', '--json']);
    expect(minted.code).toBe(1);
    expect(JSON.parse(minted.stdout)).toMatchObject({ error: { code: 'MAY_NOT_SPEAK' } });

    const claim = liar.claim(a.ready.node_id, { agent: 'sage', level: 'GOVERNANCE' });
    expect(endOf(await liar.call(claim, ping)), 'on its own word').toBe('refused: delegation-refused');
    const { iat, exp, village: villageId, token } = claim;
    const grant = { village: villageId, agent: 'sage', node: liar.keys.nodeId, token, iat, exp };
    const forged = { ...claim, grant: liar.keys.signAsIssuer('village-grant+jws', grant) };
    expect(endOf(await liar.call(forged, ping)), 'with a grant of its own making').toBe('refused: delegation-refused');

    const recorded = (await a.cli(['audit', 'export', '--json'])).stdout.split('\n').filter((line) => line !== '');
    const tried = recorded
      .map((line) => JSON.parse(line) as { agentId: string; kind: string })
      .filter((one) => one.agentId === 'sage' && one.kind === 'refusal');
    const refusal = { kind: 'refusal', outcome: 'denied', peer: liar.keys.nodeId, target: ping.tool };
    expect(tried).toMatchObject([
      { ...refusal, reason: 'no-grant' },
      { ...refusal, reason: 'bad-grant' },
    ]);
  });

  test('a node does not speak for another node’s own agent', async () => {
    const minted = await village(b.data, ['token', '--agent', `local@${nodeSuffix(a.ready.node_id)}`]);
    expect(minted.code).toBe(1);
    for (const node of [a, b]) {
      const agent = `local@${nodeSuffix(node.ready.node_id)}`;
      const end = await liar.call(liar.claim(a.ready.node_id, { agent }), ping);
      expect(endOf(end), agent).toBe('refused: delegation-refused');
    }
  });

  test('a delegation made for one node is worth nothing at another, nor in another’s mouth', async () => {
    const { node_id: target } = a.ready;
    const meant = liar.claim(b.ready.node_id);
    expect(endOf(await liar.call(meant, { ...ping, at: target }))).toBe('refused: delegation-refused');
    // Whatever it says about itself, the stream proves who it is.
    expect(endOf(await liar.call(liar.claim(target, { from: b.ready.node_id }), ping))).toBe(
      'refused: delegation-refused',
    );
  });

  test('a token that was stolen from B opens nothing at A', async () => {
    const token = await b.token();
    expect(await statusOf(b.ready.gateway, token)).toBe(200);
    expect(await statusOf(a.ready.gateway, token)).toBe(401);
  });

  test('a READ_ONLY agent calls no OPERATOR tool, on its own node or through it', async () => {
    for (const node of [a, b]) {
      await node.json(['agents', 'add', 'reader', '--level', 'READ_ONLY']);
      expect((await node.cli(['tools', 'list', '--agent', 'reader'])).stdout).not.toContain('tiny__echo');
      const call = ['tools', 'call', 'tiny__echo', '--args', '{"message":"x"}', '--json'];
      expect((await node.cli(call)).code).toBe(0);
      const denied = await node.cli([...call, '--agent', 'reader']);
      expect(denied.code).toBe(1);
      expect(denied.stdout).toContain('PERMISSION_DENIED');
    }
  });

  test('the serving node refuses what the asking node should have', async () => {
    const target = a.ready.node_id;
    const reader = { agent: `reader@${nodeSuffix(liar.keys.nodeId)}`, level: 'READ_ONLY' } as const;
    expect(endOf(await liar.call(liar.claim(target, reader), ping))).toBe('ok');
    expect(endOf(await liar.call(liar.claim(target, reader), echo))).toBe('PERMISSION_DENIED');
    const narrowed = liar.claim(target, { permissions: ['mesh_*'] });
    expect(endOf(await liar.call(narrowed, ping))).toBe('ok');
    expect(endOf(await liar.call(liar.claim(target, { permissions: ['mesh_*'] }), echo))).toBe('PERMISSION_DENIED');
  });

  test('a node cannot lend an agent a level that its own credential does not reach', async () => {
    const target = a.ready.node_id;
    expect(endOf(await lesser.call(lesser.claim(target, { level: 'EMERGENCY' }), echo))).toBe('PERMISSION_DENIED');
    expect(endOf(await lesser.call(lesser.claim(target, { level: 'EMERGENCY' }), ping))).toBe('ok');
  });
});

describe('credentials', () => {
  const widened = (own: string, changes: object) => {
    const read = readJws(own, 4096);
    if (typeof read === 'string') throw new Error(read);
    return { ...read.payload, ...changes };
  };
  const all = { host: true, invite: true, issue: 'EMERGENCY' };
  /** Whether the refusal or the end of the connection comes first is the network's to say. */
  const isKeptOut = async (node: LyingNode) => {
    await expect(node.meet(a.ready.addresses)).rejects.toMatchObject({
      code: expect.stringMatching(/^(NOT_ADMITTED|NODE_UNREACHABLE)$/),
    });
    const refused = () =>
      a.log.split('\n').some((line) => line.includes('peer.refused') && line.includes(node.keys.nodeId));
    await until(refused);
    expect(a.log).not.toMatch(new RegExp(`peer.admitted.*${node.keys.nodeId}`));
  };

  test('one that its holder widened keeps it out', async () => {
    await using node = await LyingNode.join(await invite(), {
      chain: ([own = ''], keys) => [keys.signAsNode(MEMBERSHIP_TYP, widened(own, { may: all }))],
    });
    await isKeptOut(node);
  });

  test('one that a node signed which may not invite, or signed wider than its own, admits nobody', async () => {
    const mine = liar.village.chain();
    const data = dataFolder('guest');
    await using guest = await LyingNode.join(await invite(), {
      data,
      chain: ([own = ''], keys) => {
        const by = liar.keys;
        return [by.signAsNode(MEMBERSHIP_TYP, widened(own, { by: by.nodeId, node: keys.nodeId, may: all })), ...mine];
      },
    });
    await isKeptOut(guest);

    await using inviter = await LyingNode.join(await invite('--may-invite'));
    await using second = await LyingNode.join(await invite(), {
      chain: ([own = ''], keys) => {
        const link = widened(own, { by: inviter.keys.nodeId, node: keys.nodeId, may: all });
        return [inviter.keys.signAsNode(MEMBERSHIP_TYP, link), ...inviter.village.chain()];
      },
    });
    await isKeptOut(second);
  });

  test('a ticket for one admits one node, and that node as often as it asks', async () => {
    const ticket = await invite();
    const [first, again, other] = [dataFolder('first'), dataFolder('again'), dataFolder('other')];
    const chainOf = (data: string) => JSON.parse(readFileSync(join(data, 'village/membership.json'), 'utf8')).chain;
    await villageJson(first, ['join', ticket]);
    const refused = await village(other, ['join', ticket, '--json']);
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: 'INVITE_REFUSED' } });

    // The same node, which lost everything but its keys.
    mkdirSync(join(again, 'keys'), { mode: 0o700 });
    for (const key of ['node.key', 'issuer.jwk']) cpSync(join(first, 'keys', key), join(again, 'keys', key));
    await villageJson(again, ['join', ticket]);
    expect(chainOf(again)).toEqual(chainOf(first));
  });
});

describe('a delegation dies', () => {
  const refusedWithin = (call: () => Promise<string>) =>
    until(async () => (await call()) === 'refused: delegation-refused', { timeoutMs: 1_000 });

  test('with its token, at the serving node within a second', async () => {
    const claim = liar.claim(a.ready.node_id);
    const ask = async () => endOf(await liar.call(claim, echo));
    expect(await ask()).toBe('ok');
    const now = { villageId: liar.village.villageId, nowMs: Date.now() };
    expect(await liar.spread.revoke(revokeToken(claim.token, liar.keys, now))).toBe('added');
    await refusedWithin(ask);
    expect(endOf(await liar.call(liar.claim(a.ready.node_id), echo)), 'another token of that agent').toBe('ok');
  });

  test('with its agent, and only what the agent had until then', async () => {
    const agent = `brief@${nodeSuffix(liar.keys.nodeId)}`;
    const before = liar.claim(a.ready.node_id, { agent });
    const ask = async () => endOf(await liar.call(before, echo));
    expect(await ask()).toBe('ok');
    const now = { villageId: liar.village.villageId, nowMs: Date.now() };
    await liar.spread.revoke(revokeOwnAgent(agent, liar.keys, now));
    await refusedWithin(ask);
    const later = liar.claim(a.ready.node_id, { agent, token_iat: Math.floor(now.nowMs / 1000) + 1 });
    expect(endOf(await liar.call(later, echo))).toBe('ok');
  });

  test('not because another node says so', async () => {
    const claim = liar.claim(a.ready.node_id);
    const now = { villageId: lesser.village.villageId, nowMs: Date.now() };
    // The id is no secret: every node that served the agent knows it. So another signs it away, and then a token of its own.
    await lesser.spread.revoke(revokeToken(claim.token, lesser.keys, now));
    const marker = lesser.claim(a.ready.node_id);
    await lesser.spread.revoke(revokeToken(marker.token, lesser.keys, now));
    await refusedWithin(async () => endOf(await lesser.call(marker, ping)));
    expect(endOf(await liar.call(claim, echo))).toBe('ok');
  });

  test('and stays dead when the serving node was killed and starts again', async () => {
    const claim = liar.claim(a.ready.node_id);
    const now = { villageId: liar.village.villageId, nowMs: Date.now() };
    expect(endOf(await liar.call(claim, ping))).toBe('ok');
    await liar.spread.revoke(revokeToken(claim.token, liar.keys, now));
    await refusedWithin(async () => endOf(await liar.call(claim, ping)));
    await a.kill();
    a = await ProcessNode.start({ data: a.data });
    await until(async () => endOf(await liar.call(liar.claim(a.ready.node_id), ping)) === 'ok', { timeoutMs: 10_000 });
    expect(endOf(await liar.call(claim, ping))).toBe('refused: delegation-refused');
  }, 30_000);
});

describe('what an operator takes back', () => {
  const revoke = (data: string, args: readonly string[], input = '') =>
    run(process.execPath, [join(ROOT, 'node/main.ts'), 'revoke', ...args, '--data', data, '--json'], { input });

  test('is refused at the agent’s own node at once, by token and by id', async () => {
    const [token, kept] = [await b.token(), await b.token()];
    expect(await statusOf(b.ready.gateway, token)).toBe(200);
    const done = await revoke(b.data, ['token', '-'], token);
    expect(JSON.parse(done.stdout)).toEqual({ token_id: expect.stringMatching(/^[0-9a-f]{64}$/), already: false });
    expect(await statusOf(b.ready.gateway, token)).toBe(401);
    expect(await statusOf(b.ready.gateway, kept)).toBe(200);
    expect(JSON.parse((await revoke(b.data, ['token', '-'], token)).stdout)).toMatchObject({ already: true });

    const made = await b.json<{ token: string; token_id: string }>(['token']);
    await revoke(b.data, ['token', made.token_id]);
    expect(await statusOf(b.ready.gateway, made.token)).toBe(401);
  });

  test('is not said to be taken back where another node issued it', async () => {
    const { token_id: tokenId } = await b.json<{ token_id: string }>(['token']);
    expect((await b.cli(['tools', 'call', 'tiny__echo', '--args', '{"message":"hi"}'])).code).toBe(0);
    const lines = (await a.cli(['audit', 'export'])).stdout.trim().split('\n');
    const entries = lines.map((line) => JSON.parse(line) as { kind: string; tokenId: string; peer: string });
    const theirs = entries.findLast(({ kind, peer }) => kind === 'serve' && peer === b.ready.node_id);
    const there = await revoke(a.data, ['token', theirs?.tokenId ?? '']);
    expect(there.code).toBe(1);
    expect(JSON.parse(there.stdout)).toMatchObject({
      error: { code: 'OTHER_NODES_TOKEN', hint: expect.stringContaining(b.ready.node_id) },
    });
    // Where nothing is on record it is taken back all the same, and said that it is not known.
    const unheard = await revoke(a.data, ['token', tokenId]);
    expect(JSON.parse(unheard.stdout)).toEqual({ token_id: tokenId, already: false, on_record: false });
  });

  test('of an agent is every token until now, and the next one is good', async () => {
    const [token, reader] = [await b.token(), await b.token('reader')];
    const done = await revoke(b.data, ['agent', 'local']);
    expect(JSON.parse(done.stdout)).toEqual({ agent: `local@${nodeSuffix(b.ready.node_id)}`, already: false });
    expect(await statusOf(b.ready.gateway, token)).toBe(401);
    expect(await statusOf(b.ready.gateway, reader)).toBe(200);
    expect(await statusOf(b.ready.gateway, await b.token())).toBe(200);
  });

  test('is on record, and heard by the others', async () => {
    const made = await b.json<{ token_id: string }>(['token']);
    await revoke(b.data, ['token', made.token_id]);
    await until(() => a.log.includes(made.token_id));
    const entries = (await b.cli(['audit', 'export', '--json'])).stdout
      .split('\n')
      .filter((line) => line.includes('revoke.'));
    expect(entries.map((line) => JSON.parse(line) as object).at(-1)).toMatchObject({
      kind: 'administration',
      method: 'revoke.token',
      target: made.token_id,
      outcome: 'recorded',
    });
  });

  test.each([
    ['a token among the arguments', async () => [['token', await b.token()], ''] as const, 2, 'USAGE'],
    ['what is no token', async () => [['token', 'not a token'], ''] as const, 2, 'USAGE'],
    ['what looks like a token and is none', async () => [['token', '-'], 'a.b.c'] as const, 1, 'NOT_A_TOKEN'],
    ['another node’s token', async () => [['token', '-'], await a.token()] as const, 1, 'OTHER_NODES_TOKEN'],
    ['an agent whose key is elsewhere', async () => [['agent', 'sage'], ''] as const, 1, 'NOT_OURS'],
    ['another node’s agent', async () => [['agent', 'local@abcdefgh'], ''] as const, 1, 'NOT_OURS'],
    ['an agent that nobody knows', async () => [['agent', 'nobody'], ''] as const, 1, 'UNKNOWN_AGENT'],
  ])('is not %s', async (_what, given, code, name) => {
    const [args, input] = await given();
    const done = await revoke(b.data, args, input);
    expect(done.code).toBe(code);
    expect(JSON.parse(done.stdout)).toMatchObject({ error: { code: name } });
    if (args[0] === 'token' && input !== '') expect(done.stdout + done.stderr).not.toContain(input);
  });
});
