import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EVERYTHING } from '../support/agents.ts';
import { cleanUp, dataFolder, ProcessNode, village } from '../support/process-node.ts';
import { rewriteLog } from '../support/rewritten-log.ts';
import { until } from '../support/until.ts';

interface Verdict {
  readonly ok: boolean;
  readonly checked: number;
  readonly to: number;
  readonly broken_at?: { readonly seq: number; readonly kind: string; readonly message: string };
  readonly witnessed: {
    readonly to: number;
    readonly by: string[];
    readonly entries_since: number;
    readonly alone: boolean;
  };
}
interface Status {
  readonly warnings: string[];
  readonly audit: { readonly entries: number; readonly witnessed_to: number; readonly witnesses: number };
}

interface Against {
  readonly other: string;
  readonly intact: boolean;
  readonly matched: number;
  readonly mismatches: { readonly kind: string }[];
}

const config = { audit: { witnessEverySeconds: 1 } };
const status = (node: ProcessNode) => node.json<Status>(['status']);
const verify = async (node: ProcessNode, args: string[] = []): Promise<Verdict> =>
  JSON.parse((await node.cli(['audit', 'verify', '--json', ...args])).stdout) as Verdict;
const servers = { everything: { command: process.execPath, args: [EVERYTHING, 'stdio'] } };
const WAIT = { timeoutMs: 20_000, intervalMs: 200 };

let a: ProcessNode;
let b: ProcessNode;
let c: ProcessNode;
/** The data folder of A when it had made fewer entries. */
const older = dataFolder('older');
const startA = () =>
  ProcessNode.start({ data: a.data, config: { ...config, bootstrap: [b, c].map(({ ready }) => ready.addresses[0]) } });

/** Every entry that A has is countersigned by both others. */
async function countersigned(): Promise<number> {
  const { entries } = (await status(a)).audit;
  await until(async () => {
    const { to, by } = (await verify(a)).witnessed;
    return to >= entries && by.length === 2;
  }, WAIT);
  return entries;
}

beforeAll(async () => {
  a = await ProcessNode.start({ name: 'a', config });
  const { invite } = await a.json<{ invite: string }>(['invite', '--uses', '2']);
  b = await ProcessNode.start({ name: 'b', config: { ...config, mcpServers: servers }, args: ['--join', invite] });
  c = await ProcessNode.start({ name: 'c', config, args: ['--join', invite] });
  await until(async () => (await a.json<{ peers_admitted: number }>(['status'])).peers_admitted === 2, WAIT);
}, 60_000);
afterAll(cleanUp);

describe('an audit log with witnesses', () => {
  test('is countersigned by the other nodes while it grows, and says how far', async () => {
    await a.json(['token']);
    const entries = await countersigned();
    const verdict = await verify(a);
    expect(verdict).toMatchObject({ ok: true, witnessed: { alone: false } });
    expect(verdict.witnessed.by.toSorted()).toEqual([b.ready.node_id, c.ready.node_id].toSorted());
    expect(verdict.witnessed.to).toBeGreaterThanOrEqual(entries);
    expect((await status(a)).audit).toMatchObject({ witnesses: 2 });
    const told = await a.cli(['audit', 'verify']);
    expect(told.stdout).toContain(`countersigned by`);
  });

  test('names the entry of the other node for each call between the two, and both logs can be compared', async () => {
    const echo = ['tools', 'call', 'everything__echo', '--args', '{"message":"on record"}'];
    await until(async () => (await a.cli(echo)).code === 0, WAIT);
    for (let called = 0; called < 3; called += 1) await a.json(echo);
    const file = join(dataFolder('export'), 'b.jsonl');
    const theirs = (await b.cli(['audit', 'export', '--json'])).stdout;
    const compared = async (lines: string) => {
      writeFileSync(file, lines);
      const done = await a.cli(['audit', 'verify', '--json', '--against', file]);
      return { code: done.code, ...(JSON.parse(done.stdout) as { against: Against }).against };
    };
    const whole = await compared(theirs);
    expect(whole).toMatchObject({ code: 0, other: b.ready.node_id, intact: true, mismatches: [] });
    expect(whole.matched).toBeGreaterThanOrEqual(4);
    const served = theirs
      .split('\n')
      .filter((line) => line.includes('"kind":"serve"') && line.includes('"target":"echo"'));
    const gone = await compared(theirs.replace(`${served[1]}\n`, ''));
    expect(gone).toMatchObject({ code: 1, intact: false, mismatches: [{ kind: 'missing-there' }] });
    const text = await a.cli(['audit', 'verify', '--against', file]);
    expect(text.stdout).toContain('has it no more');
  });

  test('tells of its witnesses offline too, and what they hold can be handed over in a file', async () => {
    await a.stop();
    cpSync(a.data, older, { recursive: true });
    const offline = JSON.parse((await village(a.data, ['audit', 'verify', '--json'])).stdout) as Verdict;
    expect(offline).toMatchObject({ ok: true, witnessed: { alone: true } });
    expect(offline.witnessed.by).toHaveLength(2);

    const held = (await b.cli(['audit', 'anchors', '--of', a.ready.node_id])).stdout;
    expect(held.trim().split('\n').length).toBeGreaterThan(0);
    const file = join(dataFolder('anchors'), 'anchors.jsonl');
    writeFileSync(file, held);
    const given = await village(a.data, ['audit', 'verify', '--json', '--anchors', file]);
    expect(JSON.parse(given.stdout)).toMatchObject({ ok: true });

    a = await startA();
    await a.json(['token']);
    await countersigned();
  });

  test('that its own node rewrote from end to end and signed anew is found by what the others hold', async () => {
    const witnessed = (await verify(a)).witnessed.to;
    await a.stop();
    const honest = dataFolder('honest');
    cpSync(a.data, honest, { recursive: true });
    await rewriteLog(a.data, a.ready.village_id, (entry) =>
      entry.method === 'token' ? { ...entry, agentId: 'somebody-else' } : entry,
    );
    a = await startA();
    await until(async () => (await status(a)).warnings.some((warning) => warning.includes('rewritten')), WAIT);
    const verdict = await verify(a);
    expect(verdict.ok).toBe(false);
    expect(verdict.broken_at).toMatchObject({ kind: 'rewritten' });
    expect(verdict.broken_at?.seq).toBeLessThanOrEqual(witnessed);
    // What it goes on to sign contradicts what the others hold: they keep the proof.
    await until(async () => (await status(b)).warnings.some((warning) => warning.includes(a.ready.node_id)), WAIT);
    await a.stop();
    rmSync(a.data, { recursive: true });
    cpSync(honest, a.data, { recursive: true });
  });

  test('of which an older copy was put back is known to be too short, here and elsewhere', async () => {
    rmSync(a.data, { recursive: true });
    cpSync(older, a.data, { recursive: true });
    a = await startA();
    await until(async () => (await status(a)).warnings.some((warning) => warning.includes('older copy')), WAIT);
    expect((await verify(a)).broken_at?.kind).toMatch(/^(rolled-back|rewritten)$/);
    const entries = (await a.cli(['audit', 'export', '--json'])).stdout;
    expect(entries).toContain('audit.contradiction');
  });

  test('that was put back for good reason has its witnesses again when the operator of each accepts it, on record in both logs', async () => {
    const { to: after } = JSON.parse((await village(older, ['audit', 'verify', '--json'])).stdout) as Verdict;
    const reason = ['--reason', 'its disk died'];
    // The node alone can do nothing of it.
    expect((await a.cli(['audit', 'restored', 'a.b.c', ...reason])).stderr).toContain('no acceptance');
    for (const witness of [b, c]) {
      const accepted = await witness.cli(['audit', 'accept', a.ready.node_id, '--after', String(after), ...reason]);
      expect(accepted.code, accepted.stderr).toBe(0);
      const put = await a.json<{ by: string; from: number }>(['audit', 'restored', accepted.stdout.trim(), ...reason]);
      expect(put).toMatchObject({ by: witness.ready.node_id, from: after + 1 });
      const theirs = (await witness.cli(['audit', 'export', '--json'])).stdout;
      expect(theirs).toMatch(/"method":"audit.accept"[^\n]*"justification":"its disk died"/);
    }
    await countersigned();
    expect((await status(a)).warnings.filter((warning) => warning.includes('audit log'))).toEqual([]);
    expect((await status(b)).warnings.filter((warning) => warning.includes(a.ready.node_id))).toEqual([]);
    const told = (await a.cli(['audit', 'verify'])).stdout;
    for (const { ready } of [b, c]) expect(told).toContain(`as ${ready.node_id} had seen them are lost`);
    // Also by what the witness held before: nothing of it is hidden.
    const file = join(dataFolder('anchors'), 'anchors.jsonl');
    writeFileSync(file, (await b.cli(['audit', 'anchors', '--of', a.ready.node_id])).stdout);
    expect(await verify(a, ['--anchors', file])).toMatchObject({ ok: true });
  });
});

test('a village of one says that nobody vouches for its log', async () => {
  const alone = await ProcessNode.start({ name: 'alone', config });
  expect(await verify(alone)).toMatchObject({ ok: true, witnessed: { to: 0, by: [], alone: true } });
  expect((await alone.cli(['audit', 'verify'])).stdout).toContain('no witness');
});
