import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { cleanUp, ProcessNode, villageJson } from '../support/process-node.ts';
import { rewriteLog } from '../support/rewritten-log.ts';
import { until } from '../support/until.ts';

interface Verdict {
  readonly ok: boolean;
  readonly from: number;
  readonly to: number;
}
const TEN_DAYS_MS = 10 * 24 * 3_600_000;
afterAll(cleanUp);

test('entries older than a vote says are gone from the disk of a running node, and what is left verifies', async () => {
  const first = await ProcessNode.start({ name: 'retention' });
  const { data, ready } = first;
  for (let acts = 0; acts < 5; acts += 1) await first.json(['token']);
  await first.stop();
  // A village of one has no witness: its past can be made ten days older.
  await rewriteLog(data, ready.village_id, (entry) => ({ ...entry, atMs: entry.atMs - TEN_DAYS_MS }));
  const { to: old } = await villageJson<Verdict>(data, ['audit', 'verify']);

  const node = await ProcessNode.start({ data });
  expect(await node.json<Verdict>(['audit', 'verify'])).toMatchObject({ ok: true, from: 1 });
  const propose = ['gov', 'propose', '--title', 'Shorter', '--type', 'critical_change', '--agent', 'sage'];
  const { proposal_id: id } = await node.json<{ proposal_id: string }>([...propose, '--set', 'audit.retention_days=3']);
  for (const agent of ['sage', 'curator', 'king'])
    await node.json(['gov', 'vote', id, 'approve', '--reason', 'enough', '--final', '--agent', agent]);

  const kept = await until(
    async () => {
      const verdict = await node.json<Verdict>(['audit', 'verify']);
      return verdict.from > old ? verdict : undefined;
    },
    { timeoutMs: 20_000, intervalMs: 200, what: 'the old entries left out' },
  );
  expect(kept.ok).toBe(true);
  expect(readdirSync(join(data, 'audit', ready.village_id.slice(0, 16)))).not.toContain('0000000000000001.jsonl');
  const lines = (await node.cli(['audit', 'export'])).stdout.trim().split('\n');
  const entries = lines.map((line) => JSON.parse(line) as { seq: number; method: string; target: string });
  expect(entries[0]?.seq).toBe(kept.from);
  expect(entries.find(({ method }) => method === 'audit.retention')?.target).toBe(`1-${old}`);
  await node.stop();
  expect(await villageJson<Verdict>(data, ['audit', 'verify'])).toMatchObject({ ok: true, from: kept.from });
}, 60_000);
