import { describe, expect, test } from 'vitest';
import { IdlePeers } from '../../../node/revocation/idle-peers.ts';
import { ParkedStatements } from '../../../node/revocation/parked.ts';
import { PullQueue } from '../../../node/revocation/pull-queue.ts';
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

describe('statements that wait', () => {
  const carried = (token: string, by = hostA) => ({ statement: takenBack(by, token).jws, chain: undefined });

  test('are found by their signer, once each, with the newest chain they came with', () => {
    const parked = new ParkedStatements();
    expect(parked.add({ carried: carried('one'), from: 'x' }, 0)).toBe(true);
    expect(parked.add({ carried: { ...carried('one'), chain: ['a.b.c'] }, from: 'y' }, 0)).toBe(false);
    parked.add({ carried: carried('two', hostB), from: 'x' }, 0);
    expect(parked.of(hostA.node.peerId)).toMatchObject([
      { carried: { ...carried('one'), chain: ['a.b.c'] }, from: 'x' },
    ]);
    expect(parked.of()).toHaveLength(2);
    parked.remove(carried('one').statement);
    expect(parked.of(hostA.node.peerId)).toEqual([]);
    expect(parked.of()).toHaveLength(1);
  });

  test('are kept for an hour', () => {
    const parked = new ParkedStatements();
    parked.add({ carried: carried('one'), from: 'x' }, 0);
    parked.add({ carried: carried('one'), from: 'x' }, 3_000_000); // once more: no longer for that
    parked.forgetOld(3_599_999);
    expect(parked.size).toBe(1);
    parked.forgetOld(3_600_000);
    expect(parked.size).toBe(0);
  });

  test('of one peer push out its own oldest, and no one else’s', () => {
    const parked = new ParkedStatements();
    parked.add({ carried: carried('quiet', hostB), from: 'quiet' }, 0);
    for (let index = 0; index < 100; index += 1) parked.add({ carried: carried(`${index}`), from: 'loud' }, 0);
    expect(parked.size).toBe(65);
    expect(parked.of(hostB.node.peerId)).toHaveLength(1);
    const left = parked.of(hostA.node.peerId).map(({ carried: { statement } }) => statement);
    expect(left).toHaveLength(64);
    expect(left).not.toContain(carried('35').statement);
    expect(left).toContain(carried('36').statement);
  });

  test('are bounded in all', () => {
    const parked = new ParkedStatements();
    for (let index = 0; index < 1_100; index += 1)
      parked.add({ carried: carried(`${index}`), from: `${index % 50}` }, 0);
    expect(parked.size).toBe(1_024);
  });
});

describe('pulls that are due', () => {
  test('run two at a time, each peer once, and again for a peer that was added meanwhile', async () => {
    const running: string[] = [];
    const ends = new Map<string, () => void>();
    const queue = new PullQueue((nodeId) => {
      running.push(nodeId);
      return new Promise((resolve) => ends.set(nodeId, resolve));
    });
    for (const nodeId of ['a', 'b', 'c', 'a', 'b', 'b']) queue.add(nodeId);
    expect(running).toEqual(['a', 'b']);
    ends.get('a')?.();
    await Promise.resolve();
    await Promise.resolve();
    expect(running).toEqual(['a', 'b', 'c']);
    ends.get('c')?.();
    await Promise.resolve();
    await Promise.resolve();
    expect(running).toEqual(['a', 'b', 'c', 'a']);
    const stopped = queue.stop();
    queue.add('d');
    for (const end of ends.values()) end();
    await stopped;
    expect(running).toEqual(['a', 'b', 'c', 'a']);
  });
});

test('a peer that brings nothing of use rests twice as long each time, up to an hour, while it is connected', () => {
  const idle = new IdlePeers();
  const restOf = (nowMs: number) => {
    idle.broughtNothing('x', nowMs);
    let restMs = 0;
    while (idle.rests('x', nowMs + restMs)) restMs += 1_000;
    return restMs / 1_000;
  };
  expect([0, 1, 2, 3, 4, 5, 6, 7].map(() => restOf(5_000))).toEqual([60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
  idle.keepOnly(new Set(['x']));
  expect(idle.rests('x', 5_000)).toBe(true);
  idle.keepOnly(new Set(['y']));
  expect(idle.rests('x', 5_000)).toBe(false);
  expect(restOf(5_000)).toBe(60);
  idle.forget('x');
  expect(idle.rests('x', 5_000)).toBe(false);
});

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
