import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { VillageClient } from '../../node/client/index.ts';
import { timesRan } from '../support/counted-calls.ts';
import { cleanUp, dataFolder, ProcessNode, ROOT } from '../support/process-node.ts';
import { until } from '../support/until.ts';

const COUNTING = join(ROOT, 'test/fixtures/servers/counting.mjs');

afterAll(cleanUp);

test('a node that is killed remembers each keyed call: those it answered, and those that were under way', async () => {
  const data = dataFolder('keys');
  const file = join(data, 'ran');
  const config = { mcpServers: { counting: { command: process.execPath, args: [COUNTING, file] } } };
  const ran = (id: string) => timesRan(file, id);
  const started = async (): Promise<ProcessNode> => {
    const node = await ProcessNode.start({ data, config });
    await until(async () => (await node.cli(['tools', 'list'])).stdout.includes('counting__wait'), {
      timeoutMs: 10_000,
    });
    return node;
  };
  const client = async (node: ProcessNode) => {
    const token = await node.token();
    return VillageClient.connect({ url: node.ready.gateway, token, retries: 0 });
  };

  const first = await started();
  await using before = await client(first);
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, at) => before.call('counting__add', { id: `a${at}` }, { idempotencyKey: `a${at}` })),
  );
  const slow = { id: 'slow', ms: 20_000 };
  const cut = before.call('counting__wait', slow, { idempotencyKey: 'slow' }).catch((error: unknown) => error);
  const last = before.call('counting__add', { id: 'last' }, { idempotencyKey: 'last' });
  await until(() => ran('slow') === 1);
  const lastAnswer = await last;
  await first.kill(); // the moment an answer is here
  expect(await cut).toMatchObject({ code: expect.stringMatching(/OUTCOME_UNKNOWN|CLOSED/) });

  const second = await started();
  await using after = await client(second);
  for (const [at, answer] of answers.entries())
    expect(await after.call('counting__add', { id: `a${at}` }, { idempotencyKey: `a${at}` })).toEqual(answer);
  expect(await after.call('counting__add', { id: 'last' }, { idempotencyKey: 'last' })).toEqual(lastAnswer);
  const unclear = after.call('counting__wait', slow, { idempotencyKey: 'slow' });
  await expect(unclear).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN', notStarted: false });
  expect([ran('last'), ran('slow'), ...answers.map((_, at) => ran(`a${at}`))]).toEqual(Array(42).fill(1));

  // Another key is another call.
  await after.call('counting__add', { id: 'last' }, { idempotencyKey: 'another' });
  expect(ran('last')).toBe(2);
}, 60_000);
