import { createPrivateKey, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import { Chronicle } from '../../../node/governance/chronicle.ts';
import { Signer } from '../../../node/governance/signer.ts';
import { MemoryStore } from '../../../node/storage/index.ts';
import type { Statement } from '../../../src/governance/index.ts';
import { keypair } from '../../support/keypair.ts';
import { Reports } from '../../support/mesh-hosts.ts';
import { BORN_MS, council, NET, Pen, pens, SEEDS, set } from '../../support/voters.ts';

const AFTER = 74;

/** Sage's node, with a key that can be replaced, and the others' words from outside. */
async function sagesNode() {
  const store = new MemoryStore();
  const clock = { wallMs: () => BORN_MS + 60_000, now: () => 0, chance: () => 0, after: () => () => undefined };
  const chronicle = await Chronicle.open({
    constitution: council,
    store,
    reporter: new Reports(),
    wallMs: clock.wallMs,
  });
  const held = { seed: SEEDS.sage as number };
  const keys = {
    list: () => ['sage'],
    publicKey: () => keypair(held.seed).x,
    sign: (_voter: string, message: Uint8Array) => {
      const { x, d } = keypair(held.seed);
      return sign(null, message, createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', x, d }, format: 'jwk' }));
    },
  };
  const halted: string[] = [];
  const reach = { alone: () => true, connected: () => [], homes: () => [], known: () => [] };
  const options = { chronicle, villageId: NET, keys, clock, store, reach, restored: false };
  const signer = await Signer.open({ ...options, halted: (voter) => halted.push(voter) });
  const hear = async (...statements: Statement[]) => {
    for (const { token } of statements) {
      const taken = chronicle.take(token, 'a peer');
      expect(taken.kind).toBe('news');
      await taken.kept;
    }
  };
  return { chronicle, signer, halted, held, hear };
}

/** Sage's key is replaced, with everybody's consent; sage's node signs with the new one. */
async function rotated() {
  const parts = await sagesNode();
  const { chronicle, signer, held, hear } = parts;
  const { curator, king } = pens();
  const after = new Pen('sage', AFTER);
  const voters = { ...council.voters, sage: after.key };
  const plan = curator.propose('critical_change', [
    { op: 'amend', base: 'genesis', changes: { voters }, proofs: [after.proof(0)] },
  ]);
  await hear(plan, curator.commit(plan.id, 'approve'), king.commit(plan.id, 'approve'));
  await signer.sign('sage', 'commit', () => ({ proposal: plan.id, value: 'approve' }));
  const fence = () => ({ change: plan.id, heads: [...chronicle.ledger.tips()], without: null });
  await signer.sign('sage', 'fence', fence);
  await hear(curator.write('fence', fence()));
  await hear(king.write('fence', fence()));
  expect(chronicle.ledger.epoch()).toMatchObject({ ep: 1 });
  held.seed = AFTER;
  expect(await signer.sign('sage', 'home', () => ({ node: 'here' }))).toMatchObject({ kid: after.kid });
  return { ...parts, after };
}

test('whoever has a key that was replaced stops nobody who votes with another by now', async () => {
  const { signer, halted, hear } = await rotated();
  const thief = new Pen('sage');
  await hear(thief.propose('minor_change', [set('display.village_name', 'taken')]));
  await hear(thief.propose('minor_change', [set('display.village_name', 'twice')]));
  expect(halted).toEqual([]);
  expect(signer.obstacle('sage')).toBeUndefined();
});

test('whoever has the key of now, and signs elsewhere, stops it', async () => {
  const { signer, halted, hear, after } = await rotated();
  after.ep = 1;
  after.ts = BORN_MS + 3_600_000;
  await hear(after.propose('minor_change', [set('display.village_name', 'taken')]));
  expect(halted).toEqual(['sage']);
  expect(signer.obstacle('sage')).toMatchObject({ code: 'KEY_DOUBLED' });
  expect(await signer.sign('sage', 'home', () => ({ node: 'here' }))).toBeUndefined();
});
