import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Chronicle } from '../../node/governance/chronicle.ts';
import { LevelDatabase } from '../../node/storage/index.ts';
import { statementInput, thumbprint, verifyCertificate } from '../../src/governance/index.ts';
import { constitution as drawn, KeyRing, voters } from '../support/governance-network.ts';
import { villageIdOf } from '../../src/constitution/index.ts';
import { Reports } from '../support/mesh-hosts.ts';

// How long a node takes to be where it was, with STATEMENTS statements on its disk; what verifying them anew would take; and what one
// certificate costs. `node test/bench/governance-disk.ts [statements]`.
const STATEMENTS = Number(process.argv[2] ?? 10_000);
const created = Date.now() - 40 * 24 * 3_600_000;
const constitution = { ...drawn, created_at: created };
const net = villageIdOf(constitution);
const keys = new KeyRing(['sage', 'curator', 'king']);
const folder = mkdtempSync(join(tmpdir(), 'village-bench-'));

const tails = new Map<string, { seq: number; prev: string | null }>();
function statement(voter: keyof typeof voters, kind: string, body: object, ts: number) {
  const key = voters[voter].x;
  const { seq, prev } = tails.get(voter) ?? { seq: 0, prev: null };
  const payload = { v: 1, net, ep: 0, voter, seq: seq + 1, prev, ts, kind, body } as Parameters<
    typeof statementInput
  >[1];
  const { input, id } = statementInput(key, payload);
  tails.set(voter, { seq: seq + 1, prev: id });
  const signature = keys.sign(voter, Buffer.from(input, 'latin1')) as Uint8Array;
  return { id, kid: thumbprint(key), token: `${input}.${Buffer.from(signature).toString('base64url')}`, payload };
}

const open = async (level: LevelDatabase) =>
  Chronicle.open({ constitution, store: level.namespace('governance'), reporter: new Reports(), wallMs: Date.now });

const emptyAt = join(folder, 'empty');
let level = await LevelDatabase.open(emptyAt);
await level.close();
const started = performance.now();
level = await LevelDatabase.open(emptyAt);
await open(level);
const emptyMs = performance.now() - started;
await level.close();

level = await LevelDatabase.open(join(folder, 'full'));
const writing = await open(level);
let base = 'genesis';
let last = '';
let began = performance.now();
for (let count = 0; count < STATEMENTS; count += 5) {
  const ts = created + count * 1_000;
  const actions = [{ op: 'set', key: 'knowledge.retention_days', base, value: 31 + (count % 300) }];
  const proposal = statement(
    'sage',
    'proposal',
    { type: 'major_change', title: 'x', description: 'y'.repeat(200), actions, deadline: ts + 24 * 3_600_000 },
    ts,
  );
  const about = { proposal: proposal.id, value: 'approve' };
  const all = [
    proposal,
    statement('curator', 'vote', { ...about, reasoning: 'fine' }, ts + 1),
    statement('king', 'vote', { ...about, reasoning: 'fine' }, ts + 1),
    statement('curator', 'commit', about, ts + 2),
    statement('king', 'commit', about, ts + 2),
  ];
  for (const { token } of all) {
    const taken = writing.take(token, 'bench');
    if (taken.kind !== 'news') throw new Error(taken.kind);
  }
  base = proposal.id;
  last = proposal.id;
}
await writing.settled();
console.log(`${STATEMENTS} statements signed, verified and written in ${(performance.now() - began).toFixed(0)} ms`);
await level.close();

const heap = () => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 1024;
};
const before = heap();
began = performance.now();
const cpuBefore = process.cpuUsage();
level = await LevelDatabase.open(join(folder, 'full'));
const read = await open(level);
const root = read.ledger.policy().root;
const cpu = process.cpuUsage(cpuBefore);
console.log(
  `started again in ${(performance.now() - began).toFixed(0)} ms (${((cpu.user + cpu.system) / 1000).toFixed(0)} ms of CPU; empty ${emptyMs.toFixed(0)} ms), state ${root.slice(0, 8)}, heap +${((heap() - before) / 1024).toFixed(1)} MiB`,
);
if (read.ledger.policy().entries.get('knowledge.retention_days')?.base !== last)
  throw new Error('the state is another');

const certificate = JSON.parse(JSON.stringify(read.ledger.certificate(last))) as unknown;
began = performance.now();
for (let count = 0; count < 100; count += 1) {
  if (verifyCertificate(certificate, { net }).kind !== 'valid') throw new Error('no proof');
}
console.log(`a certificate is verified in ${((performance.now() - began) / 100).toFixed(2)} ms`);

const DECISIONS = 20;
began = performance.now();
for (let count = 0; count < DECISIONS; count += 1) {
  const ts = created + (STATEMENTS + count * 5) * 1_000;
  const actions = [{ op: 'set', key: 'knowledge.retention_days', base, value: 31 + (count % 300) }];
  const body = { type: 'major_change', title: 'x', description: 'y', actions, deadline: ts + 24 * 3_600_000 };
  const proposal = statement('sage', 'proposal', body, ts);
  const commits = (['curator', 'king'] as const).map((voter, at) =>
    statement(voter, 'commit', { proposal: proposal.id, value: 'approve' }, ts + 1 + at),
  );
  for (const { token } of [proposal, ...commits]) read.take(token, 'bench');
  read.ledger.policy();
  base = proposal.id;
}
console.log(`one decision more takes ${((performance.now() - began) / DECISIONS).toFixed(1)} ms, checked and folded`);

const OPEN = 500;
const beforeOpen = heap();
for (let count = 0; count < OPEN; count += 1) {
  const ts = created + (2 * STATEMENTS + count * 5) * 1_000;
  const actions = [{ op: 'set', key: `fog.open_${count}`, base: 'genesis', value: 1 }];
  const body = {
    type: 'critical_change',
    title: 'x',
    description: 'y'.repeat(200),
    actions,
    deadline: ts + 24 * 3_600_000,
  };
  const proposal = statement('sage', 'proposal', body, ts);
  const vote = { proposal: proposal.id, value: 'approve', reasoning: 'fine' };
  const all = [proposal, statement('curator', 'vote', vote, ts + 1), statement('king', 'vote', vote, ts + 2)];
  for (const { token } of all) if (read.take(token, 'bench').kind !== 'news') throw new Error('not taken');
}
await read.settled();
console.log(
  `${read.ledger.openProposals().length} open proposals, two votes each: ${((heap() - beforeOpen) / OPEN).toFixed(1)} KiB each`,
);
await level.close();
rmSync(folder, { recursive: true, force: true });
