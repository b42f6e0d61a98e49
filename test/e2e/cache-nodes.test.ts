import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VillageClient } from '../../node/client/index.ts';
import { timesRan } from '../support/counted-calls.ts';
import { cleanUp, dataFolder, ROOT } from '../support/process-node.ts';
import { type TwoNodes, twoNodes } from '../support/two-nodes.ts';
import { until } from '../support/until.ts';

const COUNTING = join(ROOT, 'test/fixtures/servers/counting.mjs');

let village: TwoNodes;
let near: VillageClient;
let away: VillageClient;
const file = join(dataFolder('cache'), 'ran');

beforeAll(async () => {
  const counting = {
    command: process.execPath,
    args: [COUNTING, file],
    toolCacheTtlMs: { again: 600_000, add: 0 },
  };
  village = await twoNodes({ counting });
  near = await VillageClient.connect({ url: village.host.ready.gateway, token: await village.host.token() });
  away = await VillageClient.connect({ url: village.far.ready.gateway, token: await village.far.token() });
}, 60_000);
afterAll(async () => {
  await near?.close();
  await away?.close();
  await cleanUp();
});

const read = (client: VillageClient, id: string) => client.call('counting__again', { id });
const ran = (id: string) => timesRan(file, id);

describe('what a node keeps of a server on another one', () => {
  test('is given out again without asking', async () => {
    const first = await read(away, 'kept');
    expect(await read(away, 'kept')).toEqual(first);
    await read(near, 'kept'); // another agent's, on another node
    expect(ran('kept')).toBe(2);
  });

  test('is dropped when somebody writes where the server is', async () => {
    await read(away, 'written');
    await read(away, 'written');
    expect(ran('written')).toBe(1);
    await near.call('counting__add', { id: 'a write' });
    await until(
      async () => {
        await read(away, 'written');
        return ran('written') === 2;
      },
      { timeoutMs: 5_000, what: 'the other node hears of the write' },
    );
    await read(away, 'written');
    expect(ran('written')).toBe(2);
  });

  test('is dropped with the policy under which it was kept, and nothing is kept where voters say so', async () => {
    await read(away, 'voted');
    await decide('custom.anything', 1);
    await read(away, 'voted');
    await read(away, 'voted');
    expect(ran('voted')).toBe(2);
    await decide('cache.enabled', false);
    await read(away, 'voted');
    await read(away, 'voted');
    expect(ran('voted')).toBe(4);
  }, 30_000);
});

/** Resolves when both nodes have it in force. */
async function decide(key: string, value: unknown): Promise<void> {
  const { host, far } = village;
  const set = ['--set', `${key}=${JSON.stringify(value)}`];
  const asked = ['gov', 'propose', '--title', 'A decision', '--type', 'major_change', ...set, '--agent', 'sage'];
  const { proposal_id: id } = await host.json<{ proposal_id: string }>(asked);
  for (const voter of ['sage', 'curator'])
    await host.json(['gov', 'vote', id, 'approve', '--reason', 'good', '--final', '--agent', voter]);
  interface Row {
    readonly decided_by: string;
    readonly applied_by: readonly string[];
  }
  await until(
    async () => {
      const { policies } = await far.json<{ policies: readonly Row[] }>(['gov', 'policy']);
      return policies.some((row) => row.decided_by === id && row.applied_by.length === 2);
    },
    { timeoutMs: 15_000, intervalMs: 200 },
  );
}
