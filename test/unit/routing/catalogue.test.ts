import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildCatalogue, type Offer, replicaOn, resourceOwner } from '../../../src/routing/index.ts';
import { definition, NODE_A, NODE_B, NODE_C, offer } from './offers.ts';

const toolNames = (offers: readonly Offer[]) => [...buildCatalogue(offers, 1).village.tools.keys()];

describe('names', () => {
  test('a third party’s tool carries its alias, a role’s tool carries nothing', () => {
    const role = offer('p2p', NODE_A, { kind: 'role', definition: definition(['mesh_ping']), definitionHash: 'r' });
    expect(toolNames([offer('everything', NODE_A), role])).toEqual(['mesh_ping', 'everything__echo']);
  });

  test('the same alias with the same definition on two nodes is one service with two replicas, the local one first', () => {
    const catalogue = buildCatalogue(
      [offer('memory', NODE_A), offer('memory', NODE_B, { local: true, firstSeenMs: 2_000 })],
      1,
    );
    expect(catalogue.services).toHaveLength(1);
    expect(catalogue.village.tools.get('memory__echo')?.service.replicas.map((replica) => replica.nodeId)).toEqual([
      NODE_B,
      NODE_A,
    ]);
  });

  test('of two definitions under one alias the one known longest keeps the plain name, whichever node is asked', () => {
    const older = offer('memory', NODE_B, { firstSeenMs: 1_000 });
    const younger = offer('memory', NODE_A, { firstSeenMs: 2_000, definitionHash: 'h2' });
    expect(toolNames([younger, older])).toEqual(['memory__echo', 'memory-aaaa__echo']);
    expect(toolNames([{ ...younger, local: true }, older])).toEqual(['memory__echo', 'memory-aaaa__echo']);
  });

  test('equally old definitions are ordered by node id', () => {
    expect(toolNames([offer('memory', NODE_B, { definitionHash: 'h2' }), offer('memory', NODE_A)])).toEqual([
      'memory__echo',
      'memory-bbbb__echo',
    ]);
  });

  test('characters that clients refuse are replaced and long names are cut to 64 with a hash', () => {
    const long = 'x'.repeat(80);
    const names = toolNames([offer('files', NODE_A, { definition: definition(['get/file.now', long]) })]);
    expect(names[0]).toBe('files__get_file_now');
    expect(names[1]).toMatch(/^files__x{48}-[0-9a-f]{8}$/);
    expect(names[1]).toHaveLength(64);
  });

  test('two tools that become one spelling both stay, under different names', () => {
    const names = toolNames([offer('files', NODE_A, { definition: definition(['a.b', 'a_b']) })]);
    expect(names[0]).toBe('files__a_b');
    expect(names[1]).toMatch(/^files__a_b-[0-9a-f]{8}$/);
  });

  test('the listed definition carries the exposed name and the entry remembers the tool’s own', () => {
    const entry = buildCatalogue([offer('everything', NODE_A)], 1).village.tools.get('everything__echo');
    expect(entry?.definition).toMatchObject({ name: 'everything__echo', description: 'does echo' });
    expect(entry?.ownName).toBe('echo');
  });

  test('a third party named like a role never takes the role’s name', () => {
    const role = offer('p2p', NODE_A, { kind: 'role', definition: definition(['mesh_ping']), firstSeenMs: 9_000 });
    const impostor = offer('p2p', NODE_B, { definition: definition(['mesh_ping']), firstSeenMs: 1 });
    const catalogue = buildCatalogue([impostor, role], 1);
    expect([...catalogue.village.tools.keys()]).toEqual(['mesh_ping', 'p2p-bbbb__mesh_ping']);
    expect(catalogue.views.get('p2p')?.service?.kind).toBe('role');
  });

  test('a role’s tool that is not a plain word is prefixed like a third party’s, so it hides nobody', () => {
    const role = offer('p2p', NODE_B, { kind: 'role', definition: definition(['everything__echo']) });
    const names = toolNames([role, offer('everything', NODE_A)]);
    expect(names).toEqual(['p2p__everything__echo', 'everything__echo']);
  });
});

describe('roles', () => {
  const v1 = offer('p2p', NODE_B, {
    kind: 'role',
    definitionHash: 'v1',
    firstSeenMs: 1,
    definition: definition(['mesh_ping']),
  });
  const v2 = offer('p2p', NODE_A, {
    kind: 'role',
    definitionHash: 'v2',
    local: true,
    firstSeenMs: 5,
    definition: definition(['mesh_ping', 'discover_nodes']),
  });

  test('what this node runs itself is what it shows, however old another claims to be', () => {
    expect(toolNames([v1, v2])).toEqual(['mesh_ping', 'discover_nodes']);
  });

  test('a node with another version answers only calls that name it', () => {
    const service = buildCatalogue([v1, v2], 1).village.tools.get('mesh_ping')?.service;
    expect(service?.replicas.map((replica) => replica.nodeId)).toEqual([NODE_A]);
    expect(service && replicaOn(service, NODE_B)?.nodeId).toBe(NODE_B);
    expect(service && replicaOn(service, NODE_C)).toBeUndefined();
  });
});

describe('views', () => {
  test('a server’s own view has names without prefix', () => {
    const catalogue = buildCatalogue([offer('everything', NODE_A, { definition: definition(['echo', 'get-sum']) })], 1);
    expect([...(catalogue.views.get('everything')?.tools.keys() ?? [])]).toEqual(['echo', 'get-sum']);
    expect(catalogue.views.get('nobody')).toBeUndefined();
  });

  test('of two owners of one URI the oldest has it in the village, each in its own view', () => {
    const file = { uri: 'file:///a', name: 'a' };
    const young = offer('young', NODE_A, { firstSeenMs: 2, definition: definition([], { resources: [file] }) });
    const old = offer('old', NODE_B, { firstSeenMs: 1, definition: definition([], { resources: [file] }) });
    const catalogue = buildCatalogue([young, old], 1);
    expect(resourceOwner(catalogue.village, 'file:///a')?.alias).toBe('old');
    expect(catalogue.views.get('young')?.resources.get('file:///a')?.service.alias).toBe('young');
  });

  test('an unlisted URI belongs to the closest template, in a server’s view to that server, else to nobody', () => {
    const template = (uriTemplate: string) => definition([], { resourceTemplates: [{ uriTemplate, name: 't' }] });
    const wide = offer('wide', NODE_A, { firstSeenMs: 1, definition: template('test://{any}') });
    const close = offer('close', NODE_B, { firstSeenMs: 2, definition: template('test://item/{id}/data') });
    const { village, views } = buildCatalogue([wide, close], 1);
    expect(resourceOwner(village, 'test://item/7/data')?.alias).toBe('close');
    expect(resourceOwner(village, 'test://item/7')?.alias).toBe('wide');
    expect(resourceOwner(village, 'test://item//data')?.alias).toBe('wide');
    expect(resourceOwner(village, 'other://x')).toBeUndefined();
    const view = views.get('close');
    expect(view && resourceOwner(view, 'other://x')?.alias).toBe('close');
  });
});

test.each([
  ['t://{a}/x/{b}', 't://1/x/2', true],
  ['t://{a}/x/{b}', 't:///x/2', false],
  ['t://{a}/x/{b}', 't://1/x/', false],
  ['t://{a}/x/{b}', 't:///x/x/2', true],
  ['t://{a}-{b}', 't://1-2-3', true],
  ['{any}', 'anything', true],
  ['{any}', '', false],
  ['t://fixed', 't://fixed', true],
  ['t://fixed', 't://fixed/more', false],
])('the template %s stands for %s: %s', (uriTemplate, uri, owned) => {
  const templated = definition([], { resourceTemplates: [{ uriTemplate, name: 't' }] });
  const { village } = buildCatalogue([offer('files', NODE_A, { definition: templated })], 1);
  expect(resourceOwner(village, uri) !== undefined).toBe(owned);
});

describe('every node finds the same names', () => {
  const anyOffer = fc.record({
    alias: fc.constantFrom('memory', 'files', 'memory-aaaa', 'a', 'a__b'),
    nodeId: fc.constantFrom(NODE_A, NODE_B, NODE_C),
    kind: fc.constant('third_party' as const),
    version: fc.constantFrom('1', '2', '3'),
    firstSeenMs: fc.integer({ min: 1, max: 3 }),
  });
  const offers = fc
    .uniqueArray(anyOffer, { maxLength: 12, selector: (one) => `${one.nodeId} ${one.alias}` })
    .map((all) =>
      all.map(({ version, ...one }) => {
        const tools = ['echo', 'b__c', 'c', `only in ${version}`, 'y'.repeat(70)];
        return offer(one.alias, one.nodeId, {
          ...one,
          definitionHash: `hash-${version}`,
          definition: definition(tools),
        });
      }),
    );
  const told = (all: readonly Offer[]) =>
    [...buildCatalogue(all, 1).village.tools].map(([name, entry]) => [
      name,
      entry.ownName,
      entry.service.definitionHash,
    ]);

  test('in whatever order it heard of the servers, and wherever it stands', () => {
    fc.assert(
      fc.property(
        offers.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
        fc.constantFrom(NODE_A, NODE_B, NODE_C),
        ([all, shuffled], self) => {
          const seenFromSelf = shuffled.map((one) => ({ ...one, local: one.nodeId === self }));
          expect(told(seenFromSelf)).toEqual(told(all));
        },
      ),
    );
  });

  test('and no tool of any server is lost or named in a way that clients refuse', () => {
    fc.assert(
      fc.property(offers, (all) => {
        const services = new Set(all.map((one) => `${one.alias} ${one.definitionHash}`));
        const names = told(all).map(([name]) => name as string);
        expect(names).toHaveLength(services.size * 5);
        for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
      }),
    );
  });
});
