import { describe, expect, test } from 'vitest';
import { WireError } from '../../../protocols/wire/index.ts';
import { IdlePeers, pages, Parked, PullQueue } from '../../../node/spread/index.ts';

interface Said {
  readonly name: string;
  readonly form: number;
}

describe('what waits', () => {
  const parked = (bounds: object = {}) =>
    new Parked<Said>({ idOf: ({ name }) => name, bytesOf: () => 10, maxItems: 200, maxBytes: 1_000_000, ...bounds });
  const said = (name: string, form = 1): Said => ({ name, form });

  test('is kept once, in the newest form, for who brought it first', () => {
    const all = parked();
    expect(all.add(said('one'), { from: 'x', nowMs: 0 })).toBe(true);
    expect(all.add(said('one', 2), { from: 'y', nowMs: 0 })).toBe(false);
    all.add(said('two'), { from: 'x', nowMs: 0 });
    expect(all.list()).toMatchObject([
      { item: said('one', 2), from: 'x' },
      { item: said('two'), from: 'x' },
    ]);
    all.remove(said('one'));
    expect(all.size).toBe(1);
  });

  test('is kept for an hour, and no longer for being brought once more', () => {
    const all = parked();
    all.add(said('one'), { from: 'x', nowMs: 0 });
    all.add(said('one'), { from: 'x', nowMs: 3_000_000 });
    all.forgetOld(3_599_999);
    expect(all.size).toBe(1);
    all.forgetOld(3_600_000);
    expect(all.size).toBe(0);
  });

  test('of one peer pushes out its own oldest, and no one else’s', () => {
    const all = parked();
    all.add(said('quiet'), { from: 'quiet', nowMs: 0 });
    for (let index = 0; index < 100; index += 1) all.add(said(`${index}`), { from: 'loud', nowMs: 0 });
    const left = all.list().map(({ item }) => item.name);
    expect(left).toHaveLength(65);
    expect(left).toEqual(expect.arrayContaining(['quiet', '36']));
    expect(left).not.toContain('35');
  });

  test('is bounded in number and in bytes', () => {
    const few = parked();
    const small = parked({ maxBytes: 55 });
    for (let index = 0; index < 300; index += 1) {
      few.add(said(`${index}`), { from: `${index % 50}`, nowMs: 0 });
      small.add(said(`${index}`), { from: `${index % 50}`, nowMs: 0 });
    }
    expect([few.size, small.size]).toEqual([200, 5]);
    small.remove(said('299'));
    small.add(said('a'), { from: 'a', nowMs: 0 });
    expect(small.size).toBe(5);
  });
});

describe('pages', () => {
  const signal = new AbortController().signal;
  const bounds = { signal, timeoutMs: 1_000, maxPages: 5, maxBad: 3 };
  const numbered = (last: number, bad = 0) => {
    const asked: (number | undefined)[] = [];
    const ask = async (after: number | undefined) => {
      asked.push(after);
      const at = (after ?? 0) + 1;
      return { next: at < last ? at : undefined, take: async () => bad };
    };
    return { asked, ask };
  };

  test('are asked for until there is no more, or there were enough', async () => {
    const three = numbered(3);
    expect(await pages(bounds, three.ask)).toEqual({ kind: 'done' });
    expect(three.asked).toEqual([undefined, 1, 2]);
    const endless = numbered(1_000);
    await pages(bounds, endless.ask);
    expect(endless.asked).toHaveLength(5);
  });

  test('of a peer that sends what nothing can make true end', async () => {
    const bad = numbered(1_000, 2);
    expect(await pages(bounds, bad.ask)).toEqual({ kind: 'lied', because: 'bad-statements' });
    expect(bad.asked).toHaveLength(2);
  });

  test('that are none are a lie, and no answer is silence', async () => {
    const failing = (error: Error) => pages(bounds, () => Promise.reject(error));
    const malformed = new WireError('WIRE_MALFORMED', 'x');
    expect(await failing(malformed)).toEqual({ kind: 'lied', because: 'malformed' });
    expect(await failing(new Error('gone'))).toEqual({ kind: 'silent' });
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
