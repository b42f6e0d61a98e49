import { describe, expect, test } from 'vitest';
import {
  GrantShelf,
  Revocations,
  revokeOwnAgent,
  revokeToken,
  revokeVillageAgent,
} from '../../../node/identity/index.ts';
import { checkRevocation } from '../../../src/constitution/index.ts';
import { identityDesk } from '../../support/identity-desk.ts';
import { genesis, hostA, NOW_MS, NOW_S, sage, suffix, villageId } from '../../support/small-village.ts';

const TOKEN = 'ab'.repeat(32);
const now = { villageId, nowMs: NOW_MS };
const subject = { tokenId: TOKEN, agentId: `local@${suffix(hostA)}`, homeNode: hostA.node.peerId, issuedAtMs: NOW_MS };
const verdictOn = (jws: string) =>
  checkRevocation(jws, {
    policy: genesis,
    ...now,
    issuerKeyOf: (node) => (node === hostA.node.peerId ? hostA.issuer.raw : undefined),
  });

describe('what this node takes back', () => {
  test('is believed by other nodes', async () => {
    const { keys, keystore } = await identityDesk({ agents: { sage } });
    const entries = [
      revokeToken(TOKEN, keys, now),
      revokeOwnAgent(subject.agentId, keys, now),
      revokeVillageAgent('sage', keystore, now),
    ];
    for (const entry of entries) {
      expect(entry).toBeDefined();
      expect(verdictOn(entry?.jws ?? '')).toEqual({ kind: 'valid', revocation: entry?.revocation });
    }
    expect(revokeVillageAgent('gardener', keystore, now)).toBeUndefined();
  });

  test('holds at once, is told, and survives a restart', async () => {
    const { keys, revocations, store } = await identityDesk();
    const told: unknown[] = [];
    revocations.onRevoked((revocation) => told.push(revocation.id));
    const entry = revokeToken(TOKEN, keys, now);
    const adding = revocations.add(entry);
    expect(revocations.isRevoked(subject)).toBe(true);
    expect(await adding).toBe('added');
    expect(await revocations.add(entry)).toBe('known');
    expect(told).toEqual([TOKEN]);
    const again = await Revocations.open({ store: store.revocations, nowMs: NOW_MS + 1000 });
    expect(again.isRevoked(subject)).toBe(true);
    expect(again.list()).toEqual([entry]);
  });

  test('is nobody else’s', async () => {
    const { keys, revocations } = await identityDesk();
    await revocations.add(revokeToken(TOKEN, keys, now));
    expect(revocations.isRevoked({ ...subject, homeNode: 'elsewhere' })).toBe(false);
    expect(revocations.isRevoked({ ...subject, tokenId: 'cd'.repeat(32) })).toBe(false);
  });

  test('is forgotten when no token it concerns can be left', async () => {
    const { keys, revocations, store } = await identityDesk();
    await revocations.add(revokeToken(TOKEN, keys, now));
    await Revocations.open({ store: store.revocations, nowMs: NOW_MS + 26 * 3600_000 });
    const again = await Revocations.open({ store: store.revocations, nowMs: NOW_MS });
    expect(again.list()).toEqual([]);
  });

  test('is read past what is broken on disk', async () => {
    const { store, keys, revocations } = await identityDesk();
    await revocations.add(revokeToken(TOKEN, keys, now));
    await store.revocations.put('zz', Buffer.from('{"revocation"'));
    await store.revocations.put('zy', Uint8Array.of(0xff));
    await store.revocations.put('zx', Buffer.from('null'));
    expect((await Revocations.open({ store: store.revocations, nowMs: NOW_MS })).list()).toHaveLength(1);
  });
});

describe('a signer of too many revocations', () => {
  const many = (exp: number) =>
    Array.from({ length: 10_000 }, (_, index) => {
      const revocation = { village: villageId, kind: 'token', id: String(index), by: 'x', iat: NOW_S, exp } as const;
      return { revocation, jws: `${index}` };
    });
  const last = {
    jws: 'last',
    revocation: { village: villageId, kind: 'token', id: 'last', by: 'x', iat: NOW_S + 100, exp: NOW_S + 900 },
  } as const;

  test.each([
    ['is heard no more while all of them hold', NOW_S + 500, 'full'],
    ['is heard again when they have ended', NOW_S + 50, 'added'],
  ])('%s', async (_what, exp, answer) => {
    const { revocations } = await identityDesk();
    for (const entry of many(exp)) await revocations.add(entry);
    expect(await revocations.add(last)).toBe(answer);
    expect(await revocations.add({ ...last, revocation: { ...last.revocation, by: 'y' }, jws: 'other' })).toBe('added');
  });
});

describe('spent assertions and handed-in grants', () => {
  const ends = { endsAtMs: NOW_MS + 1000, nowMs: NOW_MS };

  test('an assertion is spent once, also for two who come at once and after a restart', async () => {
    const { grants, store } = await identityDesk();
    expect(await Promise.all([grants.spend('sage', 'a', ends), grants.spend('sage', 'a', ends)])).toEqual([
      'new',
      'spent',
    ]);
    expect(await grants.spend('gardener', 'a', ends)).toBe('new');
    const again = await GrantShelf.open({ store: store.grants, nowMs: NOW_MS });
    expect(await again.spend('sage', 'a', ends)).toBe('spent');
  });

  test('a grant is there until it ends, also after a restart', async () => {
    const { grants, store } = await identityDesk();
    await grants.keep(TOKEN, 'a.b.c', ends);
    const again = await GrantShelf.open({ store: store.grants, nowMs: NOW_MS });
    expect([again.get(TOKEN, NOW_MS), again.get(TOKEN, NOW_MS + 1000), again.get('cd'.repeat(32), NOW_MS)]).toEqual([
      'a.b.c',
      undefined,
      undefined,
    ]);
  });

  test('what has ended is forgotten', async () => {
    const { grants, store } = await identityDesk();
    await grants.keep(TOKEN, 'a.b.c', ends);
    await grants.spend('sage', 'a', ends);
    await grants.forgetEnded(NOW_MS + 1000);
    const again = await GrantShelf.open({ store: store.grants, nowMs: NOW_MS });
    expect(again.get(TOKEN, NOW_MS)).toBeUndefined();
    expect(await again.spend('sage', 'a', { endsAtMs: NOW_S, nowMs: NOW_MS })).toBe('new');
  });
});
