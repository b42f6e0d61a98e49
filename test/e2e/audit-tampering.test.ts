import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LevelDatabase } from '../../node/storage/index.ts';
import { NEWEST_HEAD } from '../../src/audit/index.ts';
import { cleanUp, dataFolder, ProcessNode, village, villageJson } from '../support/process-node.ts';
import { rewriteLog } from '../support/rewritten-log.ts';
import { until } from '../support/until.ts';

interface Verdict {
  readonly ok: boolean;
  readonly to: number;
  readonly broken_at?: { readonly seq: number; readonly kind: string };
}

const config = { audit: { witnessEverySeconds: 1 } };
const WAIT = { timeoutMs: 20_000, intervalMs: 200 };
const ACTS = 6;

let node: string;
let villageId: string;
let place: string;
/** The node's data folder, stopped; and as it was when it had made fewer entries. */
let honest: string;
let earlier: string;
/** What its witness holds of its log, in a file. */
let anchors: string;

const copyOf = (folder: string, name: string): string => {
  const copy = dataFolder(name);
  cpSync(folder, copy, { recursive: true });
  return copy;
};

/** A node with a witness, both stopped, after the witness has countersigned all but the node's last words. */
beforeAll(async () => {
  const a = await ProcessNode.start({ name: 'a', config });
  const { invite } = await a.json<{ invite: string }>(['invite']);
  const b = await ProcessNode.start({ name: 'b', config, args: ['--join', invite] });
  node = a.ready.node_id;
  villageId = a.ready.village_id;
  place = villageId.slice(0, 16);
  const countersigned = async (running: ProcessNode): Promise<void> => {
    for (let acts = 0; acts < ACTS; acts += 1) await running.json(['token']);
    const { audit } = await running.json<{ audit: { entries: number } }>(['status']);
    const far = async () => (await running.json<{ audit: { witnessed_to: number } }>(['status'])).audit.witnessed_to;
    await until(async () => (await far()) >= audit.entries, WAIT);
  };
  await countersigned(a);
  await a.stop();
  earlier = copyOf(a.data, 'earlier');
  const again = await ProcessNode.start({
    data: a.data,
    config: { ...config, bootstrap: [b.ready.addresses[0]] },
  });
  await countersigned(again);
  await again.stop();
  await b.stop();
  honest = a.data;
  const held = await village(b.data, ['audit', 'anchors', '--of', node]);
  anchors = join(dataFolder('anchors'), 'anchors.jsonl');
  writeFileSync(anchors, held.stdout);
}, 90_000);
afterAll(cleanUp);

async function verdictOn(data: string, args: readonly string[] = []): Promise<Verdict & { code: number | null }> {
  const { code, stdout } = await village(data, ['audit', 'verify', '--json', ...args]);
  return { code, ...(JSON.parse(stdout) as Verdict) };
}

/** A copy of the honest log whose lines went through `edit`. Lines are records, signed heads (`h/…`) and the blank ends of batches. */
function edited(edit: (lines: string[]) => void): string {
  const copy = copyOf(honest, 'tampered');
  const folder = join(copy, 'audit', place);
  const [name] = readdirSync(folder) as [string];
  const lines = readFileSync(join(folder, name), 'utf8').split('\n');
  edit(lines);
  writeFileSync(join(folder, name), lines.join('\n'));
  return copy;
}

/** Where entry `seq` stands. */
const at = (lines: readonly string[], seq: number): number =>
  lines.findIndex((line) => line.startsWith(`{"seq":${seq},`));

/** What follows entry `seq`, gone. */
function cutAfter(lines: string[], seq: number): void {
  lines.splice(at(lines, seq) + 1);
  lines.push('', '');
}

describe('the log of a stopped node, read with the command line alone,', () => {
  test('is whole when nobody touched it, for its own node and for its witness', async () => {
    expect(await verdictOn(honest)).toMatchObject({ ok: true, code: 0 });
    expect(await verdictOn(honest, ['--anchors', anchors])).toMatchObject({ ok: true, code: 0 });
    expect(await verdictOn(earlier)).toMatchObject({ ok: true, code: 0 });
  });

  test.each<[string, string, number, (lines: string[]) => void]>([
    [
      'one character flipped',
      'changed',
      5,
      (lines) => {
        lines[at(lines, 5)] = (lines[at(lines, 5)] ?? '').replace('"outcome":"recorded"', '"outcome":"recordee"');
      },
    ],
    [
      'one value replaced by another that it could have',
      'changed',
      5,
      (lines) => {
        lines[at(lines, 5)] = (lines[at(lines, 5)] ?? '').replace('"outcome":"recorded"', '"outcome":"denied"');
      },
    ],
    ['an entry deleted', 'missing', 6, (lines) => void lines.splice(at(lines, 6), 1)],
    [
      'an entry copied in again',
      'duplicate',
      6,
      (lines) => {
        lines.splice(at(lines, 6), 0, lines[at(lines, 5)] ?? '');
      },
    ],
    [
      'two entries in each other’s place',
      'out-of-order',
      7,
      (lines) => {
        const [one, other] = [at(lines, 7), at(lines, 8)];
        [lines[one], lines[other]] = [lines[other] ?? '', lines[one] ?? ''];
      },
    ],
    ['something between that is no entry', 'changed', 5, (lines) => void lines.splice(at(lines, 5), 0, 'x')],
    ['its end cut off', 'truncated', 10, (lines) => cutAfter(lines, 9)],
  ])('with %s is named %s, and at which entry', async (_, kind, seq, edit) => {
    const verdict = await verdictOn(edited(edit));
    expect(verdict).toMatchObject({ ok: false, code: 1, broken_at: { kind, seq } });
  });

  test('is told to a person with how far others vouch for it, whole or not', async () => {
    const whole = await village(honest, ['audit', 'verify']);
    expect(whole.stdout).toMatch(/^up to entry \d+ countersigned by 12D3\w+$/m);
    expect(whole.stdout).toMatch(/^\d+ entries that nobody else has seen yet, the first of \d{4}-/m);
    const torn = await village(
      edited((lines) => void lines.splice(at(lines, 6), 1)),
      ['audit', 'verify'],
    );
    expect(torn.code).toBe(1);
    expect(torn.stderr).toMatch(/before it: 5 entries that nobody else has seen yet/);
    expect(torn.stderr).toContain('entry 6: entry 6 is missing');
  });

  test('with its end cut off and every signature of that taken away is caught by what its witness holds', async () => {
    const cut = edited((lines) => cutAfter(lines, 9));
    const database = await LevelDatabase.open(join(cut, 'store'));
    await database.namespace(`audit-${place}`).del(NEWEST_HEAD);
    const words = database.namespace(`audit-witness-${place}`);
    for await (const [key] of words.entries({ gte: 'a/', lt: 'a0' })) await words.del(key);
    await database.close();
    expect(await verdictOn(cut)).toMatchObject({ ok: true, to: 9 });
    expect(await verdictOn(cut, ['--anchors', anchors])).toMatchObject({
      ok: false,
      code: 1,
      broken_at: { kind: 'rolled-back', seq: 10 },
    });
  });

  test('that was rewritten from end to end and signed anew with its own key is caught by what its witness holds', async () => {
    const rewritten = copyOf(honest, 'rewritten');
    await rewriteLog(rewritten, villageId, (entry) =>
      entry.seq === 5 ? { ...entry, agentId: 'somebody-else' } : entry,
    );
    // Alone it looks whole: chain, signatures and all.
    expect(await verdictOn(rewritten)).toMatchObject({ ok: true, code: 0 });
    const caught = await verdictOn(rewritten, ['--anchors', anchors]);
    expect(caught).toMatchObject({ ok: false, code: 1, broken_at: { kind: 'rewritten' } });
  });

  test('that goes on from an earlier copy, another way than the witnessed one, is caught by what its witness holds', async () => {
    const fork = copyOf(earlier, 'fork');
    const { to: longest } = await verdictOn(honest);
    const common = (await verdictOn(earlier)).to;
    for (let to = common; to <= longest; to = (await verdictOn(fork)).to) await villageJson(fork, ['token']);
    expect(await verdictOn(fork)).toMatchObject({ ok: true, code: 0 });
    const caught = await verdictOn(fork, ['--anchors', anchors]);
    expect(caught).toMatchObject({ ok: false, code: 1, broken_at: { kind: 'rewritten' } });
    expect(caught.broken_at?.seq).toBeGreaterThan(common);
  });
});

describe('an exported log, checked by who has nothing but files', () => {
  let lines: string[];
  beforeAll(async () => {
    lines = (await village(honest, ['audit', 'export'])).stdout.trim().split('\n');
  });
  /** `village audit verify --export`, with no data folder, of these lines. */
  async function judged(exported: readonly string[], args: readonly string[] = []) {
    const folder = dataFolder('auditor');
    const file = join(folder, 'log.jsonl');
    writeFileSync(file, `${exported.join('\n')}\n`);
    const options = ['audit', 'verify', '--export', file, '--json', ...args];
    const { code, stdout } = await village(join(folder, 'none'), options);
    return { code, ...(JSON.parse(stdout) as Verdict & { error?: { code: string } }) };
  }

  test('is whole from its beginning, and witnessed as far as other nodes hold it', async () => {
    const alone = await judged(lines, ['--village', villageId]);
    expect(alone).toMatchObject({ code: 0, ok: true, from: 1, to: lines.length, node_id: node });
    expect(alone).not.toHaveProperty('taken_as_is');
    const { witnessed } = (await judged(lines, ['--anchors', anchors])) as { witnessed?: { to: number } };
    expect(witnessed?.to).toBeGreaterThan(ACTS);
  });

  test('without the village has its first line as it stands', async () => {
    expect(await judged(lines)).toMatchObject({ code: 0, ok: true, taken_as_is: 1, checked: lines.length - 1 });
    expect(await judged(lines.slice(3))).toMatchObject({
      code: 0,
      ok: true,
      taken_as_is: 4,
      checked: lines.length - 4,
    });
  });

  test.each<[string, string, number, (lines: string[]) => void]>([
    ['changed', 'changed', 5, (log) => void (log[4] = (log[4] ?? '').replace('recorded', 'denied'))],
    ['missing', 'missing', 5, (log) => void log.splice(4, 1)],
    ['moved', 'out-of-order', 5, (log) => void log.splice(4, 2, log[5] ?? '', log[4] ?? '')],
    ['put in', 'inserted', 5, (log) => void log.splice(4, 0, '{}')],
  ])('with an entry %s is named %s', async (_, kind, seq, edit) => {
    const edited = [...lines];
    edit(edited);
    expect(await judged(edited)).toMatchObject({ code: 1, ok: false, broken_at: { kind, seq } });
  });

  test('whose end was cut off, or that was written anew, is caught by what other nodes hold', async () => {
    const cut = await judged(lines.slice(0, 8), ['--anchors', anchors]);
    expect(cut).toMatchObject({ code: 1, broken_at: { kind: 'rolled-back', seq: 9 } });
    const rewritten = copyOf(honest, 'rewritten-export');
    await rewriteLog(rewritten, villageId, (entry) => (entry.seq === 5 ? { ...entry, agentId: 'else' } : entry));
    const anew = (await village(rewritten, ['audit', 'export'])).stdout.trim().split('\n');
    expect(await judged(anew, ['--village', villageId])).toMatchObject({ code: 0, ok: true });
    expect(await judged(anew, ['--anchors', anchors])).toMatchObject({ code: 1, broken_at: { kind: 'rewritten' } });
  });

  test('of another village, or with words that nobody signed, is not taken for whole', async () => {
    const elsewhere = 'f'.repeat(64);
    expect(await judged(lines, ['--village', elsewhere])).toMatchObject({ code: 1, broken_at: { seq: 1 } });
    expect(await judged(lines, ['--anchors', anchors, '--village', elsewhere])).toMatchObject({ code: 2 });
    const forged = join(dataFolder('forged'), 'anchors.jsonl');
    const [first = ''] = readFileSync(anchors, 'utf8').split('\n');
    const { head, anchor } = JSON.parse(first) as { head: string; anchor: string };
    const [protectedPart = '', payload = '', signature = ''] = anchor.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { hash: string };
    const lie = Buffer.from(JSON.stringify({ ...claims, hash: '0'.repeat(64) })).toString('base64url');
    writeFileSync(forged, `${JSON.stringify({ head, anchor: [protectedPart, lie, signature].join('.') })}\n`);
    expect(await judged(lines, ['--anchors', forged])).toMatchObject({ code: 2, error: { code: 'USAGE' } });
  });
});
