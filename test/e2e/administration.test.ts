import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { cleanUp, dataFolder, ProcessNode, ROOT, run, village, villageJson } from '../support/process-node.ts';

afterAll(cleanUp);

interface Entry {
  readonly kind: string;
  readonly method: string;
  readonly agentId: string;
  readonly tokenId: string;
  readonly target: string;
  readonly outcome: string;
  readonly reason: string;
}

/** What operators did in a folder, as its log has it, and the log as it is. */
async function recordOf(data: string) {
  const text = (await village(data, ['audit', 'export', '--json'])).stdout;
  const entries = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Entry);
  return { text, acts: entries.filter((entry) => entry.kind === 'administration') };
}

/** Every act of an operator, with what it hands out and no log may hold. */
async function administer(data: string) {
  const made = await villageJson<{ token: string; token_id: string }>(data, ['token']);
  const refused = await village(data, ['token', '--agent', 'nobody']);
  await villageJson(data, ['agents', 'add', 'helper', '--level', 'READ_ONLY']);
  const { invite } = await villageJson<{ invite: string }>(data, ['invite']);
  const exported = await villageJson<{ d: string }>(data, ['agents', 'key', 'export', 'sage']);
  const input = JSON.stringify(exported);
  const args = ['agents', 'key', 'import', '-', '--data', data];
  const imported = await run(process.execPath, [join(ROOT, 'node/main.ts'), ...args], { input });
  expect([refused.code, imported.code, imported.stderr]).toEqual([1, 0, '']);
  const ticket = (JSON.parse(Buffer.from(invite.split(':')[1] ?? '', 'base64url').toString()) as { ticket: string })
    .ticket;
  return { made, secrets: [made.token, invite, ticket, exported.d] };
}

const acts = (tokenId: string) => [
  { method: 'token', agentId: 'local', tokenId, outcome: 'recorded' },
  { method: 'token', agentId: 'nobody', outcome: 'denied', reason: 'MAY_NOT_SPEAK' },
  { method: 'agents.add', target: expect.stringMatching(/^helper@/), level: 'READ_ONLY' },
  { method: 'invite', target: expect.stringMatching(/^[\w-]{22}$/), level: 'OPERATOR' },
  { method: 'agents.key.export', target: 'sage', reason: 'moved' },
  { method: 'agents.key.import', target: 'sage', outcome: 'recorded' },
];

describe('what operators do is on record, without what they were given', () => {
  test('on a running node, and on the files of one that is not', async () => {
    const node = await ProcessNode.start({ name: 'acts' });
    const running = await administer(node.data);
    const first = await recordOf(node.data);
    expect(first.acts).toMatchObject([
      { method: 'found', target: node.ready.village_id },
      ...acts(running.made.token_id),
    ]);
    await node.stop();

    const offline = await administer(node.data);
    const { text, acts: all } = await recordOf(node.data);
    expect(all.slice(first.acts.length)).toMatchObject(acts(offline.made.token_id));
    for (const secret of [...running.secrets, ...offline.secrets]) expect(text).not.toContain(secret);
    expect(await villageJson(node.data, ['audit', 'verify'])).toMatchObject({ ok: true });
  }, 60_000);

  test('when a folder joins, by a verb or at its start', async () => {
    const node = await ProcessNode.start({ name: 'inviter' });
    const { invite } = await node.json<{ invite: string }>(['invite', '--uses', '2']);
    const target = node.ready.village_id;
    const data = dataFolder('joiner');
    await villageJson(data, ['join', invite]);
    await villageJson(data, ['join', invite]);
    const [joined, again, ...more] = (await recordOf(data)).acts;
    expect([joined, again, more]).toMatchObject([{ method: 'join', target }, { method: 'join', target }, []]);
    const other = await ProcessNode.start({ name: 'other', args: ['--join', invite] });
    expect((await recordOf(other.data)).acts).toMatchObject([{ method: 'join', target }]);
    const { text } = await recordOf(node.data);
    expect(text).not.toContain(invite);
    expect((await node.cli(['join', invite])).code).toBe(1);
    expect((await recordOf(node.data)).acts.at(-1)).toMatchObject({
      method: 'join',
      outcome: 'failed',
      reason: 'NODE_RUNNING',
    });
  }, 60_000);
});
