import { beforeEach, describe, expect, test } from 'vitest';
import type { KnownServer } from '../../../node/router/known-servers.ts';
import { LostServers } from '../../../node/router/lost-servers.ts';
import { type AwayServer, buildCatalogue, type Offer } from '../../../src/routing/index.ts';
import { definition, NODE_A, NODE_B, NODE_C, offer } from '../routing/offers.ts';

const START = 1_800_000_000_000;
const HOUR = 3_600_000;
let nowMs: number;
let version: number;
beforeEach(() => {
  nowMs = START;
  version = 0;
});

const liar = offer('liar', NODE_B, {
  definition: definition(['say'], { access: { level: 'COORDINATOR', tools: {} } }),
});
const liarAway: AwayServer = { alias: 'liar', kind: 'third_party', level: 'COORDINATOR', sinceMs: START - 5_000 };
const kept: KnownServer = { label: 'liar', alias: 'liar', nodeId: NODE_B, level: 'COORDINATOR' };

/** What is offered, and by which nodes, with what each says to be away. */
const village = (offers: readonly Offer[], nodes: Record<string, readonly AwayServer[]> = {}) => {
  version += 1;
  return buildCatalogue(offers, version, { away: new Map(Object.entries(nodes)) });
};
const opened = (before: readonly KnownServer[] = []) =>
  new LostServers(village([]), { kept: before, wallMs: () => nowMs });
const shown = (lost: LostServers) => lost.list().map(({ label, how }) => `${label} ${how}`);

describe('a server that its node says is away', () => {
  test('is missed since its node says, by whom its node says, until it is back', () => {
    const lost = opened();
    lost.compare(village([], { [NODE_B]: [liarAway] }));
    const since = START - 5_000;
    const { label, alias, nodeId, level } = kept;
    expect(lost.list()).toEqual([{ label, alias, nodeId, level, sinceMs: since, how: 'told' }]);
    nowMs += 5 * HOUR;
    expect(shown(lost)).toEqual(['liar told']);
    lost.compare(village([liar], { [NODE_B]: [] }));
    expect(shown(lost)).toEqual([]);
  });

  test('keeps the name under which it was known', () => {
    const older = offer('liar', NODE_C, { definitionHash: 'h2', firstSeenMs: 1 });
    const lost = opened();
    const both = village([liar, older], { [NODE_B]: [], [NODE_C]: [] });
    const label = both.services.find(({ replicas }) => replicas[0]?.nodeId === NODE_B)?.label;
    lost.compare(both);
    lost.compare(village([older], { [NODE_B]: [liarAway], [NODE_C]: [] }));
    expect(label).toMatch(/^liar-/);
    expect(shown(lost)).toEqual([`${label} told`]);
  });

  test('is not missed while another node serves one of its name', () => {
    const lost = opened();
    lost.compare(village([offer('liar', NODE_C)], { [NODE_B]: [liarAway], [NODE_C]: [] }));
    expect(shown(lost)).toEqual([]);
  });

  test('is missed on when its node goes without a goodbye, and not when its node takes it off', () => {
    const lost = opened();
    lost.compare(village([], { [NODE_B]: [liarAway] }));
    lost.nodeDropped(NODE_B, 'expired');
    lost.compare(village([]));
    expect(lost.list()).toMatchObject([{ how: 'dropped', sinceMs: START - 5_000 }]);
    lost.compare(village([], { [NODE_B]: [liarAway] }));
    lost.compare(village([], { [NODE_B]: [] }));
    expect(shown(lost)).toEqual([]);
  });

  test('for long is missed for an hour from when its node went, also by a later run', () => {
    const lost = opened();
    lost.compare(village([], { [NODE_B]: [liarAway] }));
    nowMs += 3 * HOUR;
    lost.nodeDropped(NODE_B, 'disconnected');
    lost.compare(village([]));
    expect(lost.list()).toMatchObject([{ how: 'dropped', sinceMs: START - 5_000 }]);
    expect(lost.known()).toEqual([{ ...kept, lostMs: nowMs }]);
    nowMs += HOUR;
    expect(shown(lost)).toEqual(['liar dropped']);
    nowMs += 1;
    expect(shown(lost)).toEqual([]);
  });

  test('of a time to come is away since now', () => {
    const lost = opened();
    lost.compare(village([], { [NODE_B]: [{ ...liarAway, sinceMs: Number.MAX_SAFE_INTEGER }] }));
    expect(lost.list()).toMatchObject([{ sinceMs: START }]);
  });

  test('is one of 512 at most, however many are told', () => {
    const lost = opened();
    const many = (of: string) => Array.from({ length: 64 }, (_, index) => ({ ...liarAway, alias: `${of}${index}` }));
    lost.compare(
      village([], Object.fromEntries(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].map((of) => [of, many(of)]))),
    );
    expect(lost.list()).toHaveLength(512);
  });
});

describe('a server that went', () => {
  test.each([
    ['its node is gone', {}, 'dropped'],
    ['its node is there', { [NODE_B]: [] }, 'unoffered'],
  ] as const)('is missed for an hour: %s', (_, nodes, how) => {
    const lost = opened();
    lost.compare(village([liar], { [NODE_B]: [] }));
    lost.compare(village([], nodes));
    expect(lost.list()).toMatchObject([{ label: 'liar', level: 'COORDINATOR', sinceMs: START, how }]);
    nowMs += HOUR;
    expect(lost.list()).toHaveLength(1);
    nowMs += 1;
    expect(lost.list()).toEqual([]);
  });

  test('is missed by nobody when its node said goodbye, then or later', () => {
    const lost = opened();
    lost.compare(village([liar], { [NODE_B]: [] }));
    lost.nodeDropped(NODE_B, 'withdrawn');
    lost.compare(village([]));
    expect(shown(lost)).toEqual([]);
    lost.compare(village([liar], { [NODE_B]: [] }));
    lost.compare(village([]));
    expect(shown(lost)).toEqual(['liar dropped']);
    lost.nodeDropped(NODE_B, 'withdrawn');
    expect(shown(lost)).toEqual([]);
  });
});

describe('a server that an earlier run knew', () => {
  test('is missed since this one began, for an hour', () => {
    const lost = opened([kept]);
    expect(lost.list()).toMatchObject([{ label: 'liar', how: 'unheard', sinceMs: START }]);
    lost.compare(village([offer('other', NODE_C)], { [NODE_C]: [] }));
    expect(shown(lost)).toEqual(['liar unheard']);
    nowMs += HOUR + 1;
    expect(shown(lost)).toEqual([]);
  });

  test.each([
    ['serves it', [liar], []],
    ['does not name it', [], []],
  ])('is not missed once its node is heard and %s', (_, offers, away) => {
    const lost = opened([kept]);
    lost.compare(village(offers, { [NODE_B]: away }));
    expect(shown(lost)).toEqual([]);
  });

  test('is away when its node is heard and says so', () => {
    const lost = opened([kept]);
    lost.compare(village([], { [NODE_B]: [liarAway] }));
    expect(shown(lost)).toEqual(['liar told']);
  });

  test('is not missed once its node, not heard of yet, says goodbye', () => {
    const lost = opened([kept]);
    lost.nodeDropped(NODE_A, 'withdrawn');
    expect(shown(lost)).toEqual(['liar unheard']);
    lost.nodeDropped(NODE_B, 'withdrawn');
    expect(shown(lost)).toEqual([]);
  });

  test('is missed for an hour in all, however often this node starts', () => {
    const first = opened([kept]);
    expect(first.known()).toEqual([{ ...kept, lostMs: START }]);
    nowMs += HOUR - 1;
    const second = opened(first.known());
    expect(second.list()).toMatchObject([{ sinceMs: START }]);
    nowMs += 2;
    expect(opened(second.known()).list()).toEqual([]);
  });
});

test('a later run is to know what is there and what is missed, and none of this node’s own', () => {
  const lost = opened();
  lost.compare(
    village([liar, offer('here', NODE_A, { local: true }), offer('fine', NODE_C)], { [NODE_B]: [], [NODE_C]: [] }),
  );
  lost.compare(
    village([offer('here', NODE_A, { local: true }), offer('fine', NODE_C)], {
      [NODE_C]: [{ ...liarAway, alias: 'ill' }],
    }),
  );
  const fine = { label: 'fine', alias: 'fine', nodeId: NODE_C, level: 'OPERATOR' };
  const ill = { label: 'ill', alias: 'ill', nodeId: NODE_C, level: 'COORDINATOR' };
  expect(lost.known()).toEqual([fine, ill, { ...kept, lostMs: START }]);
});

describe('where there is not room for all', () => {
  const many = (nodeId: string, count: number, name = 's') =>
    Array.from({ length: count }, (_, index) => offer(`${name}${index}`, nodeId));
  const of = (servers: readonly { readonly nodeId: string }[], nodeId: string) =>
    servers.filter((one) => one.nodeId === nodeId).length;

  test('a node with 500 servers that are gone does not push out the few of others', () => {
    const lost = opened();
    lost.compare(village([...many(NODE_A, 500, 'a'), ...many(NODE_B, 40, 'b'), liar, offer('c', NODE_C)]));
    lost.compare(village([]));
    expect([NODE_A, NODE_B, NODE_C].map((nodeId) => of(lost.list(), nodeId))).toEqual([470, 41, 1]);
  });

  test('nor does one that says that 64 are away, and servers that are there push out none that are lost', () => {
    const lost = opened();
    const [a, b] = [many(NODE_A, 600, 'a'), many(NODE_B, 30, 'b')];
    lost.compare(village([...b, liar]));
    lost.compare(village(a));
    const known = lost.known();
    expect(known).toHaveLength(512);
    expect(of(known, NODE_B)).toBe(31);
    expect(known.find(({ label }) => label === 'liar')).toMatchObject({ nodeId: NODE_B, lostMs: START });
    const next = new LostServers(village([]), { kept: known, wallMs: () => nowMs });
    expect(of(next.list(), NODE_B)).toBe(31);
  });

  test('what is lost leaves half of the room to what is there', () => {
    const lost = opened();
    lost.compare(village(many(NODE_A, 600, 'a')));
    lost.compare(village([...many(NODE_B, 300, 'b'), offer('c', NODE_C)]));
    const known = lost.known();
    expect(known).toHaveLength(512);
    expect([NODE_A, NODE_B, NODE_C].map((nodeId) => of(known, nodeId))).toEqual([256, 255, 1]);
  });
});
