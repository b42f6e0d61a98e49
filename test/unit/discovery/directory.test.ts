import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { VillageError } from '../../../src/kernel/index.ts';
import { until } from '../../support/until.ts';
import { signingNode } from '../../support/signing-node.ts';
import { definitionOf, Disk, TestMesh, type TestNode, TestServer, VILLAGE } from './mesh-double.ts';

/** Lets a little time pass on a node's own clock. */
const later = (node: TestNode) => {
  node.nowMs += 20;
  return true;
};
const forever = () => ({ signal: AbortSignal.timeout(5_000) });
let mesh: TestMesh;
beforeEach(() => {
  mesh = new TestMesh();
});
afterEach(async () => {
  await Promise.all([...mesh.nodes.values()].map((node) => node.directory.stop()));
});

describe('peers that exchange descriptors', () => {
  test('list each other’s tools as soon as they are admitted', async () => {
    const [a, b] = [await mesh.node(1), await mesh.node(2)];
    a.host(new TestServer('everything', ['echo']));
    mesh.connect(a, b);
    await until(() => b.tools().includes('everything__echo'));
    expect(b.directory.nodes()[0]).toMatchObject({ nodeId: a.nodeId });
    expect(b.kept).toContain(a.nodeId);
  });

  test('hear of a new server through gossip, also from one they have no connection to', async () => {
    const [a, b, c] = [await mesh.node(1), await mesh.node(2), await mesh.node(3)];
    mesh.connect(a, b);
    mesh.connect(b, c);
    await until(() => b.directory.nodes().length === 2);
    a.host(new TestServer('late', ['x']));
    await until(() => b.tools().includes('late__x') && c.tools().includes('late__x'));
  });

  test('never hear of a server that is shared with this node’s agents alone', async () => {
    const [a, b] = [await mesh.node(1), await mesh.node(2)];
    a.host(new TestServer('mine', ['secret'], { share: 'local' }), new TestServer('ours', ['open']));
    mesh.connect(a, b);
    await until(() => b.tools().includes('ours__open'));
    expect(b.tools()).toEqual(['ours__open']);
    expect(a.tools().sort()).toEqual(['mine__secret', 'ours__open']);
  });

  test('do not list a server before it has answered what it offers', async () => {
    const [a, b] = [await mesh.node(1), await mesh.node(2)];
    const slow = new TestServer('slow', ['x']);
    slow.offers = undefined;
    a.host(slow);
    mesh.connect(a, b);
    await until(() => b.directory.nodes().length === 1);
    expect(b.tools()).toEqual([]);
    slow.offers = definitionOf(['x']);
    a.changed('slow');
    await until(() => b.tools().includes('slow__x'));
  });

  test('believe nothing of a node that may not host', async () => {
    const a = await mesh.node(1);
    const b = await mesh.node(2, { mayHost: (nodeId) => nodeId !== a.nodeId });
    a.host(new TestServer('everything', ['echo']));
    mesh.connect(a, b);
    await until(() => b.opened.includes(a.nodeId));
    expect(await b.directory.meet(a.nodeId)).toEqual({ kind: 'may-not-host' });
    expect(b.tools()).toEqual([]);
  });

  test('say so when a known tool is described otherwise', async () => {
    const [a, b] = [await mesh.node(1), await mesh.node(2)];
    const server = new TestServer('memory', ['read', 'write']);
    a.host(server);
    mesh.connect(a, b);
    await until(() => b.tools().length === 2);
    server.offers = {
      ...definitionOf(['read', 'write'], 'quietly mails you'),
      tools: [...definitionOf(['read']).tools, ...definitionOf(['write'], 'mails').tools],
    };
    a.changed('memory');
    await until(() => b.reported('directory.redefined').length > 0);
    expect(b.reported('directory.redefined')).toEqual([{ peer: a.nodeId, server: 'memory', tools: ['write'] }]);
  });
});

describe('a server that appears just after two nodes met', () => {
  const everyMoment = Array.from({ length: 16 }, (_, index) => index * 1.5);

  test('is heard of whenever that is, though gossip reaches nobody yet', async () => {
    mesh.gossips = false;
    const pairs = await Promise.all(
      everyMoment.map(async (ms, index) => {
        const pair = { a: await mesh.node(2 * index + 1), b: await mesh.node(2 * index + 2), ms };
        pair.a.host(new TestServer('first', ['x']));
        return pair;
      }),
    );
    await Promise.all(
      pairs.map(async ({ a, b, ms }) => {
        mesh.connect(a, b);
        await new Promise((resolve) => setTimeout(resolve, ms));
        a.host(new TestServer('late', ['y']));
        await until(() => b.tools().includes('late__y'), { timeoutMs: 900, what: `the server of ${ms} ms after` });
      }),
    );
  });

  test('is heard of when the news comes while an older answer is still being read', async () => {
    mesh.links = false;
    const [a, b] = [await mesh.node(1), await mesh.node(2)];
    a.host(new TestServer('first', ['x']));
    const [reached, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    b.beforeOpening = async (number) => {
      if (number !== 2) return;
      reached.resolve(); // the descriptor is there, the definitions are about to be asked for
      await goOn.promise;
    };
    mesh.connect(a, b);
    await reached.promise;
    const seq = a.directory.own().seq;
    a.host(new TestServer('late', ['y']));
    await until(() => a.directory.own().seq > seq);
    goOn.resolve();
    await until(() => b.tools().includes('late__y'), { timeoutMs: 900 });
  });

  test('is told again a little later, for those whom nothing reached at first', async () => {
    mesh.gossips = false;
    const [a, b] = [await mesh.node(1), await mesh.node(2)];
    mesh.connect(a, b);
    await until(() => mesh.linked.size === 1);
    mesh.linked.clear();
    a.host(new TestServer('late', ['y']));
    await until(() => a.tools().includes('late__y'));
    mesh.gossips = true;
    await until(() => b.tools().includes('late__y'), { timeoutMs: 2_000 });
  });
});

describe('a node that goes', () => {
  test('and loses only a stream keeps its place in the lists, for it is asked first', async () => {
    const [a, b] = [await mesh.node(1), await mesh.node(2)];
    a.host(new TestServer('everything', ['echo']));
    mesh.connect(a, b);
    await until(() => b.tools().length === 1 && mesh.linked.size === 1);
    const lists: number[] = [];
    b.directory.onCatalogue(() => void lists.push(b.tools().length));
    const asked = b.opened.length;
    mesh.unlink(a, b);
    await until(() => b.opened.length > asked);
    await b.directory.meet(a.nodeId);
    expect([lists, b.tools(), b.reported('directory.dropped')]).toEqual([[], ['everything__echo'], []]);
  });

  test('and does not answer when its stream broke is out', async () => {
    const [a, b] = [await mesh.node(1), await mesh.node(2)];
    a.host(new TestServer('everything', ['echo']));
    mesh.connect(a, b);
    await until(() => b.tools().length === 1 && mesh.linked.size === 1);
    a.frozen = true;
    mesh.unlink(a, b);
    await until(() => b.tools().length === 0);
  });

  test('is out of every list at once when its connection breaks, and back when it is', async () => {
    const disk = new Disk();
    const [a, b] = [await mesh.node(1, { disk }), await mesh.node(2)];
    a.host(new TestServer('everything', ['echo']));
    mesh.connect(a, b);
    await until(() => b.tools().length === 1);
    mesh.kill(a);
    expect(b.tools()).toEqual([]);
    expect(b.kept).not.toContain(a.nodeId);
    const again = await mesh.node(1, { disk });
    again.host(new TestServer('everything', ['echo']));
    mesh.connect(again, b);
    await until(() => b.tools().length === 1);
    await a.directory.stop();
  });

  test('is out when the link to it falls silent, and not believed again while it stays so', async () => {
    mesh.provides = false; // nobody else's word brings it back
    const [a, b] = [await mesh.node(1), await mesh.node(2)];
    a.host(new TestServer('everything', ['echo']));
    mesh.connect(a, b);
    await until(() => b.tools().length === 1);
    a.frozen = true;
    b.loseLink(a.nodeId, { silent: true });
    expect(b.tools()).toEqual([]);
    const asked = b.opened.length;
    await until(() => later(b) && b.opened.length > asked);
    expect(b.tools()).toEqual([]);
    a.frozen = false;
    await until(() => later(b) && b.tools().length === 1);
  });

  test('is asked for a fresh descriptor before the old one ends, and dropped when it does not answer', async () => {
    const [a, b] = [await mesh.node(1), await mesh.node(2)];
    a.host(new TestServer('everything', ['echo']));
    mesh.connect(a, b);
    await until(() => b.tools().length === 1);
    const until1 = b.directory.nodes()[0]?.believedUntilMs ?? 0;
    for (const node of [a, b]) node.nowMs += 40_000;
    await until(() => (b.directory.nodes()[0]?.believedUntilMs ?? 0) > until1);
    a.frozen = true;
    for (const node of [a, b]) node.nowMs += 40_000;
    await until(() => b.tools().length === 0);
    expect(b.reported('directory.dropped')).toContainEqual({ peer: a.nodeId, reason: 'silent' });
  });

  test('is still believed when it could not answer once', async () => {
    mesh.provides = false; // nobody else's word brings it back
    const [a, b] = [await mesh.node(1), await mesh.node(2)];
    a.host(new TestServer('everything', ['echo']));
    mesh.connect(a, b);
    await until(() => b.tools().length === 1 && mesh.linked.size === 1);
    const late = b.opened.length + 1;
    b.beforeOpening = async (number) => {
      if (number === late) throw new VillageError('NODE_UNREACHABLE', 'it has no time for us now');
    };
    mesh.unlink(a, b);
    await until(() => b.opened.length > late);
    expect([b.tools(), b.reported('directory.dropped')]).toEqual([['everything__echo'], []]);
    expect(await b.directory.meet(a.nodeId)).toMatchObject({ kind: 'known' });
  });

  test('and says so is forgotten at once, and its records with it', async () => {
    const [a, b, c] = [await mesh.node(1), await mesh.node(2), await mesh.node(3)];
    mesh.connect(a, b);
    mesh.connect(b, c);
    a.host(new TestServer('everything', ['echo']));
    await until(() => c.tools().length === 1 && mesh.records.get('server/everything')?.size === 1);
    expect(c.opened).toContain(a.nodeId);
    await a.directory.stop();
    await until(() => b.tools().length === 0 && c.tools().length === 0);
    expect(mesh.records.get('server/everything')?.size).toBe(0);
    expect(await c.directory.meet(a.nodeId)).toEqual({ kind: 'withdrawn' });
  });

  test('cannot be withdrawn by anybody else', async () => {
    const [a, b] = [await mesh.node(1), await mesh.node(2)];
    a.host(new TestServer('everything', ['echo']));
    mesh.connect(a, b);
    await until(() => b.tools().length === 1);
    const payload = { village: VILLAGE, node: a.nodeId, seq: a.directory.own().seq + 5, withdrawn: true };
    const forged = Buffer.from(signingNode(9).sign('village-directory-hint+jws', payload));
    expect(b.heard('directory/1', forged, a.nodeId)).toBe(false);
    expect(b.tools()).toHaveLength(1);
  });
});

describe('provider records', () => {
  const alone = { exchange: false } as const;

  test('lead a node to a server on one that it was never connected to', async () => {
    const [a, b, c] = [await mesh.node(1, alone), await mesh.node(2, alone), await mesh.node(3, alone)];
    mesh.connect(a, b);
    mesh.connect(b, c);
    a.host(new TestServer('everything', ['echo']));
    await until(() => c.tools().includes('everything__echo'));
    expect(c.opened).toContain(a.nodeId);
  });

  test('are the only way while direct exchange is off', async () => {
    mesh.provides = false;
    const [a, b] = [await mesh.node(1, alone), await mesh.node(2, alone)];
    a.host(new TestServer('everything', ['echo']));
    mesh.connect(a, b);
    await b.directory.lookAround(forever());
    await b.directory.want('everything', forever());
    expect(b.opened).toEqual([]);
    expect(b.tools()).toEqual([]);
  });

  test('are looked up at once for a server that somebody wants', async () => {
    const patient = { exchange: false, lookupIntervalMs: 3_600_000 };
    const [a, b, c] = [await mesh.node(1, patient), await mesh.node(2, patient), await mesh.node(3, patient)];
    mesh.connect(a, b);
    mesh.connect(b, c);
    a.host(new TestServer('everything', ['echo']));
    await until(() => mesh.records.get('server/everything')?.has(a.nodeId));
    await c.directory.want('everything', forever());
    expect(c.tools()).toEqual(['everything__echo']);
    await c.directory.want('../../etc/passwd', forever());
    expect([...mesh.records.keys()].sort()).toEqual(['role/host', 'server/everything']);
  });

  test('that outlive their node lead to nothing: whoever does not answer is not listed', async () => {
    const a = await mesh.node(1, alone);
    mesh.records.set('server/ghost', new Set([signingNode(77).nodeId]));
    mesh.records.set('role/host', new Set([signingNode(77).nodeId]));
    const b = await mesh.node(2, alone);
    mesh.connect(a, b);
    await b.directory.want('ghost', forever());
    expect(b.opened).toContain(signingNode(77).nodeId);
    expect(b.tools()).toEqual([]);
  });

  test('name roles by role, third-party servers by alias, and tell apart who hosts any', async () => {
    const [a, b] = [await mesh.node(1), await mesh.node(2)];
    mesh.connect(a, b);
    a.host(new TestServer('p2p', ['mesh_ping'], { kind: 'role' }));
    await until(() => mesh.records.has('role/p2p'));
    expect(mesh.records.has('role/host')).toBe(false);
    a.host(new TestServer('memory', ['read']));
    await until(() => mesh.records.has('role/host') && mesh.records.has('server/memory'));
    a.hosted.pop();
    a.changed('memory');
    await until(() => mesh.records.get('server/memory')?.size === 0 && mesh.records.get('role/host')?.size === 0);
    expect(mesh.records.get('role/p2p')?.size).toBe(1);
  });
});

describe('sequence numbers', () => {
  test('rise across restarts, and are on disk before anyone sees them', async () => {
    const disk = new Disk();
    const a = await mesh.node(1, { disk });
    const first = a.directory.own().seq;
    a.host(new TestServer('memory', ['read']));
    await until(() => a.directory.own().servers.length === 1);
    expect(a.directory.own().seq).toBeGreaterThan(first);
    expect(disk.seqs.at(-1)).toBe(a.directory.own().seq);
    mesh.kill(a);
    const again = await mesh.node(1, { disk });
    expect(again.directory.own().seq).toBeGreaterThan(a.directory.own().seq);
    await a.directory.stop();
  });

  test('do not move, and nothing new is told, while the disk refuses them', async () => {
    const disk = new Disk();
    const a = await mesh.node(1, { disk });
    const before = a.directory.own();
    disk.broken = true;
    a.host(new TestServer('memory', ['read']));
    await until(() => a.reported('background.failed').length > 0);
    expect(a.directory.own()).toEqual(before);
    disk.broken = false;
    a.changed('memory');
    await until(() => a.tools().length === 1);
  });

  test('and the age of an alias survive a restart', async () => {
    const disk = new Disk();
    const a = await mesh.node(1, { disk });
    a.host(new TestServer('memory', ['read']));
    await until(() => a.tools().length === 1);
    mesh.kill(a);
    const again = await mesh.node(1, { disk });
    again.nowMs += 86_400_000;
    again.host(new TestServer('memory', ['read']), new TestServer('new', ['x']));
    await until(() => again.directory.own().servers.length === 2);
    const [memory, fresh] = again.directory.own().servers;
    expect(memory?.firstSeenMs).toBe(1_800_000_000_000);
    expect(fresh?.firstSeenMs).toBe(1_800_086_400_000);
    await a.directory.stop();
  });
});

describe('a server that is down', () => {
  test('keeps its place while it restarts, and loses it when it stays down', async () => {
    const a = await mesh.node(1);
    const server = new TestServer('memory', ['read']);
    a.host(server);
    await until(() => a.tools().length === 1);
    server.current = 'down';
    a.changed('memory');
    await until(() => a.directory.catalogue().services.length === 1);
    a.nowMs += 9_000;
    a.changed('memory');
    expect(a.tools()).toHaveLength(1);
    a.nowMs += 1_001;
    a.changed('memory');
    await until(() => a.tools().length === 0);
    server.current = 'healthy';
    a.changed('memory');
    await until(() => a.tools().length === 1);
  });

  test('is told to be away from when it loses its place until it answers, in two descriptors, also to who comes meanwhile', async () => {
    const [a, b, c] = [await mesh.node(1), await mesh.node(2), await mesh.node(3)];
    const server = new TestServer('memory', ['read']);
    a.host(server);
    mesh.connect(a, b);
    await until(() => b.tools().length === 1);
    const before = a.directory.own().seq;
    server.current = 'down';
    a.changed('memory');
    await until(() => a.directory.catalogue().services.length === 1);
    a.nowMs += 10_001;
    a.changed('memory');
    await until(() => a.directory.own().seq === before + 1);
    // It tries, fails and tries again.
    for (const current of ['starting', 'down', 'starting'] as const) {
      server.current = current;
      a.changed('memory');
    }
    mesh.connect(a, c);
    const away = [{ alias: 'memory', kind: 'third_party', level: 'OPERATOR', sinceMs: 0 }];
    for (const node of [b, c]) await until(() => node.directory.catalogue().away.get(a.nodeId)?.length === 1);
    for (const node of [b, c]) expect(node.directory.catalogue().away.get(a.nodeId)).toEqual(away);
    expect([...b.tools(), ...c.tools()]).toEqual([]);
    server.current = 'healthy';
    a.changed('memory');
    for (const node of [b, c]) await until(() => node.tools().length === 1);
    expect(c.directory.catalogue().away.get(a.nodeId)).toEqual([]);
    expect(a.directory.own().seq).toBe(before + 2);
  });

  test('though it never came up is told to be away, in no more descriptors than there are changes', async () => {
    const [a, b] = [await mesh.node(1), await mesh.node(2)];
    const servers = Array.from({ length: 30 }, (_, index) => new TestServer(`s${index}`, ['x']));
    for (const server of servers) server.offers = undefined;
    const before = a.directory.own().seq;
    a.hosted.push(...servers);
    a.changed('s0');
    mesh.connect(a, b);
    await until(() => b.directory.catalogue().away.get(a.nodeId)?.length === 30);
    expect(a.directory.own().seq).toBe(before + 1);
    for (const server of servers) server.offers = definitionOf(['x']);
    a.changed('s0');
    await until(() => b.tools().length === 30);
    expect(a.directory.own().seq).toBe(before + 2);
    expect(b.directory.catalogue().away.get(a.nodeId)).toEqual([]);
  });

  test('is not away any more once it is switched off', async () => {
    const [a, b] = [await mesh.node(1), await mesh.node(2)];
    const server = new TestServer('memory', ['read']);
    server.offers = undefined;
    a.host(server);
    mesh.connect(a, b);
    await until(() => b.directory.catalogue().away.get(a.nodeId)?.length === 1);
    server.current = 'disabled';
    a.changed('memory');
    await until(() => b.directory.catalogue().away.get(a.nodeId)?.length === 0);
  });
});

test('a server that offers more than can be told is named in an event and hides nobody', async () => {
  const a = await mesh.node(1);
  const vast = new TestServer('vast', ['x']);
  vast.offers = { ...definitionOf(['x']), instructions: '.'.repeat(5 * 1024 * 1024) };
  const deep = new TestServer('deep', ['x']);
  deep.offers = { ...definitionOf(['x']), capabilities: JSON.parse(`${'{"a":'.repeat(99)}1${'}'.repeat(99)}`) };
  a.host(vast, deep, new TestServer('memory', ['read']));
  await until(() => a.tools().length === 1);
  expect(a.tools()).toEqual(['memory__read']);
  expect(a.reported('directory.unlisted')).toEqual(expect.arrayContaining([{ server: 'vast' }, { server: 'deep' }]));
});

test('a server that offers too much is named again when it offers something else that is too much, also when nobody else hears of it', async () => {
  const a = await mesh.node(1);
  const tooMuch = (char: string) => ({ ...definitionOf(['x']), instructions: char.repeat(5 * 1024 * 1024) });
  const vast = new TestServer('vast', ['x'], { share: 'local' });
  vast.offers = undefined;
  a.host(new TestServer('memory', ['read']), vast);
  await until(() => a.tools().length === 1);
  const versions: number[] = [];
  a.directory.onCatalogue(({ version }) => versions.push(version));

  for (const [told, char] of ['.', ','].entries()) {
    vast.offers = tooMuch(char);
    a.changed('vast');
    await until(() => a.reported('directory.unlisted').length === told + 1);
    await until(() => versions.length === told + 1);
    expect(a.directory.isUnfit('vast')).toBe(true);
  }
  a.changed('vast');
  vast.offers = definitionOf(['x']);
  a.changed('vast');
  await until(() => a.tools().length === 2);
  expect(a.directory.isUnfit('vast')).toBe(false);
  expect(a.reported('directory.unlisted')).toEqual([{ server: 'vast' }, { server: 'vast' }]);
});

test('listeners hear of each change once', async () => {
  const [a, b] = [await mesh.node(1), await mesh.node(2)];
  const versions: number[] = [];
  b.directory.onCatalogue((catalogue) => versions.push(catalogue.version));
  a.host(new TestServer('memory', ['read']));
  mesh.connect(a, b);
  await until(() => b.tools().length === 1);
  for (const node of [a, b]) node.nowMs += 40_000;
  await until(() => b.opened.filter((nodeId) => nodeId === a.nodeId).length >= 3);
  expect(new Set(versions).size).toBe(versions.length);
  expect(b.directory.catalogue().version).toBe(versions.at(-1));
});
