import { beforeEach, describe, expect, test } from 'vitest';
import { type AwayServer, type NodeDescriptor, Registry, type ServerSummary } from '../../../src/routing/index.ts';
import { definition, NODE_A, NODE_B } from './offers.ts';

const NOW = 1_800_000_000_000;
const definitions = new Map([
  ['h1', definition(['echo'])],
  ['h2', definition(['echo', 'add'])],
]);
const memory: ServerSummary = {
  alias: 'memory',
  kind: 'third_party',
  definitionHash: 'h1',
  firstSeenMs: 5,
  toolHashes: { echo: 't1' },
};

const gone: AwayServer = { alias: 'gone', kind: 'third_party', level: 'OPERATOR', sinceMs: 7 };

function descriptor(seq: number, more: Partial<NodeDescriptor> = {}): NodeDescriptor {
  return { village: 'v', node: NODE_B, seq, issuedAtMs: NOW, expiresAtMs: NOW + 60_000, servers: [memory], ...more };
}

let registry: Registry;
beforeEach(() => {
  registry = new Registry({ village: 'v', self: NODE_A });
});
const take = (one: NodeDescriptor, now = NOW) => registry.accept(one, definitions, { wallMs: now, nowMs: now });
const names = () => [...registry.catalogue().village.tools.keys()];

describe('a descriptor', () => {
  test('adds its node’s tools to a new catalogue; the old one stays as it was', () => {
    const before = registry.catalogue();
    expect(take(descriptor(1))).toEqual({ kind: 'accepted', changed: true, redefined: [] });
    expect(names()).toEqual(['memory__echo']);
    expect(before.village.tools.size).toBe(0);
    expect(registry.catalogue().version).toBeGreaterThan(before.version);
  });

  test('signed anew without a change keeps the catalogue and is believed longer', () => {
    take(descriptor(1));
    const before = registry.catalogue();
    const later = descriptor(1, { issuedAtMs: NOW + 30_000, expiresAtMs: NOW + 90_000 });
    expect(take(later, NOW + 30_000)).toMatchObject({ kind: 'accepted', changed: false });
    expect(registry.catalogue()).toBe(before);
    expect(registry.expire(NOW + 61_000)).toEqual([]);
    expect(registry.expire(NOW + 90_000)).toEqual([NODE_B]);
    expect(names()).toEqual([]);
  });

  test('older than one known is a roll-back, also after its node was dropped', () => {
    take(descriptor(7));
    expect(take(descriptor(6))).toEqual({ kind: 'refused', because: 'roll-back' });
    registry.drop(NODE_B);
    expect(take(descriptor(6))).toEqual({ kind: 'refused', because: 'roll-back' });
    expect(take(descriptor(7))).toMatchObject({ kind: 'accepted', changed: true });
  });

  test('with a known number and other contents is an equivocation', () => {
    take(descriptor(7));
    expect(take(descriptor(7, { servers: [] }))).toEqual({ kind: 'refused', because: 'equivocation' });
    expect(take(descriptor(7, { away: [gone] }))).toEqual({ kind: 'refused', because: 'equivocation' });
    expect(take(descriptor(8, { away: [gone] }))).toMatchObject({ kind: 'accepted' });
    const other = descriptor(8, { away: [{ ...gone, sinceMs: 8 }] });
    expect(take(other)).toEqual({ kind: 'refused', because: 'equivocation' });
  });

  test('that only says what is away makes a new catalogue, which says it until the node is dropped', () => {
    take(descriptor(1));
    expect(registry.catalogue().away).toEqual(new Map([[NODE_B, []]]));
    take(descriptor(2, { away: [gone] }));
    expect(registry.catalogue().away).toEqual(new Map([[NODE_B, [gone]]]));
    expect(names()).toEqual(['memory__echo']);
    registry.drop(NODE_B);
    expect(registry.catalogue().away).toEqual(new Map());
  });

  test.each([
    ['of another village', { village: 'w' }, 'foreign'],
    ['that names us', { node: NODE_A }, 'foreign'],
    ['long expired', { issuedAtMs: NOW - 300_000, expiresAtMs: NOW - 240_000 }, 'expired'],
    ['that ends before it begins', { issuedAtMs: NOW + 5, expiresAtMs: NOW + 5 }, 'expired'],
    ['of a role nobody knows', { servers: [{ ...memory, kind: 'role' as const, alias: 'king' }] }, 'not-a-role'],
    ['that names one server twice', { servers: [memory, memory] }, 'duplicate'],
    ['that calls one server there and away', { away: [{ ...gone, alias: 'memory' }] }, 'duplicate'],
    ['that names one server away twice', { away: [gone, gone] }, 'duplicate'],
    ['with a role away that nobody knows', { away: [{ ...gone, kind: 'role' as const, alias: 'king' }] }, 'not-a-role'],
    ['without its definition', { servers: [{ ...memory, definitionHash: 'h9' }] }, 'undefined-server'],
  ] as const)('%s is refused and changes nothing', (_, more, because) => {
    expect(take(descriptor(1, more as Partial<NodeDescriptor>))).toEqual({ kind: 'refused', because });
    expect(registry.nodes()).toEqual([]);
    expect(take(descriptor(1))).toMatchObject({ kind: 'accepted' });
  });

  test('is believed by our clock for as long as it says, at most five minutes', () => {
    const ahead = NOW + 100_000;
    take(descriptor(1, { issuedAtMs: ahead, expiresAtMs: ahead + 86_400_000 }));
    expect(registry.expire(NOW + 299_999)).toEqual([]);
    expect(registry.expire(NOW + 300_000)).toEqual([NODE_B]);
  });

  test('withdrawn removes the node, and its number keeps older ones out', () => {
    take(descriptor(1));
    expect(take(descriptor(2, { withdrawn: true, servers: [] }))).toMatchObject({ kind: 'accepted', changed: true });
    expect(names()).toEqual([]);
    expect(take(descriptor(1))).toEqual({ kind: 'refused', because: 'roll-back' });
  });

  test('that describes a known tool otherwise says which, even after the node was away', () => {
    take(descriptor(1));
    registry.drop(NODE_B);
    const changed = { ...memory, definitionHash: 'h2', toolHashes: { echo: 't2', add: 't3' } };
    expect(take(descriptor(2, { servers: [changed] }))).toMatchObject({
      redefined: [{ alias: 'memory', tools: ['echo'] }],
    });
  });
});

test('this node’s own servers are in the catalogue without any descriptor', () => {
  registry.setLocal([
    { alias: 'files', kind: 'third_party', definitionHash: 'h1', firstSeenMs: 1, definition: definition(['read']) },
  ]);
  expect(registry.catalogue().village.tools.get('files__read')?.service.replicas[0]).toMatchObject({
    nodeId: NODE_A,
    local: true,
  });
});
