import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Ledger } from '../../../src/governance/index.ts';
import { runCommand } from '../../support/command-line.ts';
import { keypair } from '../../support/keypair.ts';
import { council, feed, NET, pens, SEEDS, set } from '../../support/voters.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'village-sign-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, value: unknown): string => {
  const path = join(folder, name);
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value), { mode: 0o600 });
  return path;
};
const { x, d } = keypair(SEEDS.king);
const keyFile = (more: object = {}) => file('king.jwk', { kty: 'OKP', crv: 'Ed25519', x, d, kid: 'king', ...more });
const rulesFile = (next: object = {}) => {
  const envelope = { v: 1, net: NET, ep: 0, voter: 'king', seq: 1, prev: null, kid: 'k', ...next };
  return file('rules.json', { voters: { king: { key: x, next: envelope } } });
};
const gov = (...argv: string[]) => runCommand(['gov', 'sign', ...argv, '--data', join(folder, 'no-node')]);
const files = () => ['--key', keyFile(), '--rules', rulesFile(), '--village', NET];
const plan = () => pens().sage.propose('major_change', [set('knowledge.retention_days', 90)]);

describe('gov sign', () => {
  test('makes a vote and its commit that count, with no node', async () => {
    const ledger = new Ledger(council);
    const { sage } = pens();
    const change = sage.propose('major_change', [set('knowledge.retention_days', 90)]);
    feed(ledger, change, sage.commit(change.id, 'approve'));
    const ran = await gov('king', change.id, 'approve', '--reason', 'from my phone', '--final', ...files());
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const tokens = ran.stdout.trim().split('\n');
    for (const token of tokens) expect(ledger.ingest(token)).toMatchObject({ kind: 'accepted' });
    expect(tokens).toHaveLength(2);
    expect(ledger.proposal(change.id)?.outcome).toBe('approved');
    expect(ran.stdout).not.toContain(d);
  });

  test('goes on where the key itself stopped, also when the rules it is given are older', async () => {
    const { id } = plan();
    const first = JSON.parse((await gov('king', id, 'approve', '--reason', 'one', ...files(), '--json')).stdout);
    const again = JSON.parse((await gov('king', id, 'reject', '--reason', 'two', ...files(), '--json')).stdout);
    const payload = JSON.parse(Buffer.from(again.statements[0].statement.split('.')[1], 'base64url').toString());
    expect(payload).toMatchObject({ seq: 2, prev: first.statements[0].id, kind: 'vote' });
    const kept = join(folder, 'king.jwk.signed');
    expect(statSync(kept).mode & 0o777).toBe(0o600);
    expect(readFileSync(kept, 'utf8')).not.toContain(d);
  });

  test('goes on where the log ended when the key left its node', async () => {
    const head = 'ab'.repeat(32);
    keyFile({ signer: { village: NET, voter: 'king', seq: 7, head } });
    const args = ['--key', join(folder, 'king.jwk'), '--rules', rulesFile(), '--village', NET];
    const ran = await gov('king', plan().id, 'approve', '--reason', 'x', ...args);
    const payload = JSON.parse(Buffer.from(ran.stdout.split('.')[1] ?? '', 'base64url').toString());
    expect(payload).toMatchObject({ seq: 8, prev: head });
  });

  test('signs no second commit that contradicts the first', async () => {
    const { id } = plan();
    await gov('king', id, 'approve', '--reason', 'one', '--final', ...files());
    const ran = await gov('king', id, 'reject', '--reason', 'two', '--final', ...files(), '--json');
    expect(ran.code).toBe(1);
    expect(JSON.parse(ran.stdout)).toMatchObject({ error: { code: 'REFUSED' } });
  });

  test('signs any other kind, and nothing that is none', async () => {
    const home = file('home.json', { kind: 'home', body: { node: 'mine' } });
    expect(await gov('king', '--statement', home, ...files())).toMatchObject({ code: 0 });
    const odd = file('odd.json', { kind: 'home', body: { node: 'mine', more: 1 } });
    expect(await gov('king', '--statement', odd, ...files())).toMatchObject({ code: 2, stdout: '' });
  });

  test.each([
    ['a key of another voter', () => ['sage', plan().id, 'approve', '--reason', 'x', ...files()]],
    ['no reason', () => ['king', plan().id, 'approve', ...files()]],
    ['a part of an id', () => ['king', 'abcdef12', 'approve', '--reason', 'x', ...files()]],
    [
      'another village',
      () => ['king', plan().id, 'approve', '--reason', 'x', ...files().slice(0, 4), '--village', 'f'.repeat(64)],
    ],
    [
      'a key that is none',
      () => ['king', plan().id, 'approve', '--reason', 'x', ...files(), '--key', file('bad.jwk', '{"x":"y"')],
    ],
    [
      'a record that was spoilt',
      () => {
        file('king.jwk.signed', '{');
        return ['king', plan().id, 'approve', '--reason', 'x', ...files()];
      },
    ],
  ])('that is given %s signs nothing', async (_, argv) => {
    const ran = await gov(...argv());
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).not.toContain(d);
  });
});
