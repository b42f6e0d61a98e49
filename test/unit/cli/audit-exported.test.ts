import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { anchorsIn } from '../../../node/cli/verbs/audit-files.ts';
import { AUDIT_ANCHOR_TYPE, genesisHash } from '../../../src/audit/index.ts';
import { text } from '../../../src/kernel/index.ts';
import { recordOf, sealEntry, VILLAGE } from '../../support/audit.ts';
import { runCommand, type RunOptions } from '../../support/command-line.ts';
import { signingNode } from '../../support/signing-node.ts';

const { nodeId } = signingNode(7);
const witness = signingNode(8);
const entry = sealEntry(genesisHash(VILLAGE, nodeId), {
  ...recordOf({ kind: 'start', peer: nodeId }),
  seq: 1,
  atMs: 1,
});
const log = `${text(entry.record)}\n`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'village-exported-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}
const anchor = (claims: object = {}): string => {
  const word = {
    village: VILLAGE,
    node: nodeId,
    seq: 1,
    hash: entry.hash,
    head: '',
    witness: witness.nodeId,
    at_ms: 1,
  };
  return `${JSON.stringify({ head: '', anchor: witness.sign(AUDIT_ANCHOR_TYPE, { ...word, ...claims }) })}\n`;
};
const verify = (path: string, args: readonly string[] = [], options: RunOptions = {}) =>
  runCommand(['audit', 'verify', '--export', path, ...args], options);

describe('audit verify --export', () => {
  test('reads a log by a link, with what a witness signed of it', async () => {
    const link = join(folder, 'link');
    symlinkSync(file('log', log), link);
    expect(await verify(link, ['--anchors', file('anchors', anchor())])).toMatchObject({ code: 0, stderr: '' });
  });

  test.each<[string, () => string, string]>([
    ['nothing', () => file('empty', ''), 'USAGE'],
    ['a folder', () => folder, 'FILE_UNREADABLE'],
    ['what is not there', () => join(folder, 'none'), 'FILE_UNREADABLE'],
    ['a line without an end', () => file('long', 'x'.repeat(3 * 1024 * 1024)), 'FILE_UNREADABLE'],
    ['words', () => file('words', 'to whom it may concern\n'), 'BROKEN_CHAIN'],
    ['zeroes', () => file('zeroes', '\0'.repeat(4_096)), 'BROKEN_CHAIN'],
  ])('says of %s what it is not', async (_, path, code) => {
    const { stdout, stderr, code: exit } = await verify(path());
    expect(stderr).toMatch(new RegExp(`^${code}: `));
    expect(stdout).toBe('');
    expect(exit).toBe(code === 'BROKEN_CHAIN' ? 1 : 2);
  });

  test.each([
    ['node', { node: 'B\u001b[2J\nall is well' }],
    ['village', { village: 'the others' }],
  ])('takes no anchor of a %s that is none: its name would be printed', async (_, claims) => {
    const ran = await verify(file('log', log), ['--anchors', file('anchors', anchor(claims))]);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toContain('names no node of a village');
  });

  test('ends when it is interrupted', async () => {
    const ran = await verify(file('log', log), [], { signal: AbortSignal.abort() });
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toMatch(/^INTERRUPTED: /);
  });

  test('holds no more anchors in memory than any village has', async () => {
    const path = file('anchors', anchor().repeat(4));
    expect(await anchorsIn(path)).toHaveLength(4);
    await expect(anchorsIn(path, { maxChars: anchor().length * 3 })).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  });
});
