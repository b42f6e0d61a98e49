import { describe, expect, test } from 'vitest';
import { Shelf } from '../../../node/revocation/shelf.ts';
import { SignerChains } from '../../../node/revocation/signer-chains.ts';
import { MemoryStore } from '../../../node/storage/index.ts';
import { type Membership, verifyMembership } from '../../../src/constitution/index.ts';
import { sha256Hex } from '../../../src/kernel/index.ts';
import {
  constitution,
  founder,
  genesis,
  hostA,
  hostB,
  link,
  NOW_MS,
  NOW_S,
  villageId,
} from '../../support/small-village.ts';
import { takenBack } from '../../support/spread-network.ts';

describe('what is passed on', () => {
  test('comes in the order of ids, from after the one that is named', () => {
    const entries = ['a', 'b', 'c', 'd', 'e'].map((token) => takenBack(hostA, token));
    const shelf = new Shelf({ list: () => entries }, () => undefined);
    const sorted = entries.map(({ jws }) => sha256Hex(jws)).sort();
    const from = (id?: string) => [...shelf.after(id)].map((one) => one.id);
    expect(from()).toEqual(sorted);
    expect(from(sorted[1])).toEqual(sorted.slice(2));
    expect(from(sorted[4])).toEqual([]);
    expect(from('0'.repeat(64))).toEqual(sorted);
    expect(from(`${sorted[2]?.slice(0, -1)}!`)).toEqual(sorted.slice(2)); // between two of them
    const digest = shelf.digest();
    entries.pop();
    expect(shelf.digest()).toBe(digest);
    shelf.changed();
    expect(shelf.digest()).not.toBe(digest);
    expect(from()).toHaveLength(4);
  });
});

describe('credentials of signers', () => {
  const verify = (chain: readonly string[], nodeId: string) =>
    verifyMembership(chain, { constitution, villageId, policy: genesis, nowMs: NOW_MS, nodeId });
  const member = (changes: Record<string, unknown> = {}): Membership => {
    const verdict = verify([link(founder, hostA, changes)], hostA.node.peerId);
    if (verdict.kind === 'refused') throw new Error(verdict.because);
    return verdict.membership;
  };

  test('stay the ones that last longest, also after a restart', async () => {
    const store = new MemoryStore();
    const chains = await SignerChains.open({ store, verify });
    const [short, long] = [member(), member({ exp: NOW_S + 9_000 })];
    await chains.learn(short);
    await chains.learn(long);
    await chains.learn(short);
    expect(chains.get(hostA.node.peerId)).toEqual(long);
    const again = await SignerChains.open({ store, verify });
    expect(again.get(hostA.node.peerId)).toEqual(long);
  });

  test('that prove nothing any more, or are broken on disk, are thrown away', async () => {
    const store = new MemoryStore();
    const ended = JSON.stringify([link(founder, hostA, { exp: NOW_S - 1 })]);
    await store.put(hostA.node.peerId, Buffer.from(ended));
    await store.put(hostB.node.peerId, Buffer.from('["'));
    const chains = await SignerChains.open({ store, verify });
    expect(chains.get(hostA.node.peerId)).toBeUndefined();
    for await (const [key] of store.entries()) expect(key).toBe('nothing');
  });
});
