import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { hostStores, Libp2pHost } from '../../node/host/index.ts';
import { AgentKeystore, openNodeKeys } from '../../node/identity/index.ts';
import { type DataFolder, openDataFolder } from '../../node/storage/index.ts';
import { Village, type VillageOptions } from '../../node/village/index.ts';
import { Policy } from '../../src/constitution/index.ts';
import type { VillageError } from '../../src/kernel/index.ts';
import { Reports } from '../support/mesh-hosts.ts';
import { until } from '../support/until.ts';

const within = (ms = 10_000) => AbortSignal.timeout(ms);
const DAY = 24 * 3_600_000;

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Folder extends VillageOptions {
  readonly data: DataFolder;
  readonly reporter: Reports;
}

async function newPath(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'village-e2e-'));
  cleanups.push(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function folder(options: { dataDir?: string; now?: (() => number) | undefined } = {}): Promise<Folder> {
  const dataDir = options.dataDir ?? (await newPath());
  const data = await openDataFolder(dataDir);
  cleanups.push(() => data.close());
  const keys = openNodeKeys(dataDir, { create: true });
  return { dataDir, data, keys, database: data.database, reporter: new Reports(), now: options.now };
}

async function hosted(at: Folder, village: Village): Promise<Libp2pHost> {
  const host = new Libp2pHost({
    nodeId: at.keys.nodeId,
    peerSeed: at.keys.peerSeed,
    villageId: village.villageId,
    membership: village,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    bootstrap: village.inviterAddresses(),
    reporter: at.reporter,
    limits: { redialFirstMs: 100, redialLongestMs: 500 },
    now: at.now,
    ...hostStores(at.database, village.villageId),
  });
  village.attach(host);
  cleanups.push(async () => {
    village.stop();
    await host.stop();
  });
  await host.start();
  return host;
}

function inviteFrom(village: Village, host: Libp2pHost, changes: { mayInvite?: boolean } = {}) {
  const request = { ttlMs: DAY, uses: 1, level: 'OPERATOR', mayInvite: false, ...changes } as const;
  return village.createInvite({ addresses: host.addresses(), ...request });
}

async function pair(now?: () => number) {
  const first = await folder({ now });
  const founded = Village.found(first, { name: 'Test' });
  const hostA = await hosted(first, founded);
  const second = await folder({ now });
  const joined = await Village.join(second, inviteFrom(founded, hostA).invite, { signal: within() });
  const hostB = await hosted(second, joined);
  await until(() => hostA.admitted().has(hostB.nodeId) && hostB.admitted().has(hostA.nodeId));
  return { first, second, founded, joined, hostA, hostB };
}

test('a founder has a village, its id, every agent’s key, and the same again after a restart', async () => {
  const at = await folder();
  const village = Village.found(at, { name: 'Test' });
  expect(village.membership()).toMatchObject({ depth: 0, may: { invite: true, issue: 'EMERGENCY' } });
  expect(new AgentKeystore(at.dataDir).list()).toHaveLength(23);
  expect(Village.open(at)?.villageId).toBe(village.villageId);
  expect(() => Village.found(at, { name: 'Again' })).toThrow(expect.objectContaining({ code: 'ALREADY_IN_VILLAGE' }));
});

test('a folder that joins by invite is a member, has no agent’s key, and meets the inviter by itself', async () => {
  const { second, founded, joined, hostA, hostB } = await pair();
  expect(joined.villageId).toBe(founded.villageId);
  expect(joined.membership()).toMatchObject({ nodeId: second.keys.nodeId, depth: 1, may: { invite: false } });
  expect(hostA.admitted().get(hostB.nodeId)?.membership.may).toEqual({ host: true, invite: false, issue: 'OPERATOR' });
  expect(new AgentKeystore(second.dataDir).list()).toEqual([]);
  expect(Village.open(second)?.membership()).toMatchObject({ depth: 1 });
});

test('an invite that names only loopback comes with a warning', async () => {
  const at = await folder();
  const village = Village.found(at, { name: 'Test' });
  const host = await hosted(at, village);
  expect(inviteFrom(village, host).warning).toContain('only this machine');
  const request = { ttlMs: DAY, uses: 1, level: 'OPERATOR', mayInvite: false } as const;
  expect(village.createInvite({ ...request, addresses: ['/ip4/10.0.0.1/tcp/1/p2p/x'] }).warning).toBeUndefined();
});

test('joining the same village again changes nothing, another one is refused, and --leave puts the old one away', async () => {
  const { second, founded, hostA, joined } = await pair();
  const again = await Village.join(second, inviteFrom(founded, hostA).invite, { signal: within() });
  expect(again.chain()).toEqual(joined.chain());

  const third = await folder();
  const other = Village.found(third, { name: 'Other' });
  await expect(Village.join(third, inviteFrom(founded, hostA).invite, { signal: within() })).rejects.toMatchObject({
    code: 'ALREADY_IN_VILLAGE',
  });
  expect(Village.open(third)?.villageId).toBe(other.villageId);

  const moved = await Village.join(third, inviteFrom(founded, hostA).invite, { signal: within(), leave: true });
  expect(moved.villageId).toBe(founded.villageId);
  expect(Village.open(third)?.villageId).toBe(founded.villageId);
  expect(
    (await readdir(third.dataDir)).filter((name) => /^village\.archived-\d{4}-\d\d-\d\d$/.test(name)),
  ).toHaveLength(1);
  expect(new AgentKeystore(third.dataDir).has('sage')).toBe(false);
});

test('a ticket cannot be redeemed by a second node, and a stopped inviter is named as unreachable', async () => {
  const first = await folder();
  const founded = Village.found(first, { name: 'Test' });
  const host = await hosted(first, founded);
  const { invite } = inviteFrom(founded, host);
  await Village.join(await folder(), invite, { signal: within() });
  const second = await folder();
  await expect(Village.join(second, invite, { signal: within() })).rejects.toMatchObject({ code: 'INVITE_REFUSED' });
  expect(Village.open(second)).toBeUndefined();
  expect(first.reporter.of('admission.refused')).toEqual([{ peer: second.keys.nodeId, reason: 'used-up' }]);

  const fresh = inviteFrom(founded, host).invite;
  await host.stop();
  await expect(Village.join(second, fresh, { signal: within() })).rejects.toMatchObject({
    code: 'INVITER_UNREACHABLE',
  });
  await expect(Village.join(second, 'village-invite:xx', { signal: within() })).rejects.toMatchObject({
    code: 'INVITE_MALFORMED',
  });
});

test('a node that asked too often is told to try again, and not to ask for another invite', async () => {
  const first = await folder();
  const founded = Village.found(first, { name: 'Test' });
  const host = await hosted(first, founded);
  const used = inviteFrom(founded, host).invite;
  await Village.join(await folder(), used, { signal: within() });
  const second = await folder();
  const hints: (string | undefined)[] = [];
  for (let turn = 0; turn < 13; turn += 1) {
    const refusal = await Village.join(second, used, { signal: within() }).catch((error: unknown) => error);
    hints.push((refusal as VillageError<string>).hint);
  }
  expect(first.reporter.of('admission.refused').at(-1)).toMatchObject({ reason: 'busy' });
  expect(hints[0]).toMatch(/new invite/);
  expect(hints.at(-1)).toMatch(/try again/);
});

test('an eviction closes the connections of the evicted node and keeps it out', async () => {
  const { founded, hostA, hostB, second } = await pair();
  const evicted = new Map([['nodes.evicted', { value: [hostB.nodeId], version: 1 }]]);
  founded.setPolicy(new Policy(founded.constitution, evicted));
  expect(hostA.admitted().has(hostB.nodeId)).toBe(false);
  await until(() => !hostB.admitted().has(hostA.nodeId));
  await until(() => second.reporter.of('peer.refused').some(({ reason }) => reason.includes('evicted')));
  expect(hostA.admitted().size).toBe(0);
});

test('a member whose credential ends soon gets a new one, and its peers see that without a new connection', async () => {
  let nowMs = Date.now();
  const { second, joined, hostA, hostB } = await pair(() => nowMs);
  const before = joined.membership()?.expiresAtMs as number;
  expect(await joined.renew()).toBe(false);
  nowMs += 25 * DAY;
  expect(await joined.renew()).toBe(true);
  expect(joined.membership()?.expiresAtMs).toBeGreaterThan(before + 20 * DAY);
  expect(Village.open(second)?.chain()).toEqual(joined.chain());
  await until(() => hostA.admitted().get(hostB.nodeId)?.membership.expiresAtMs === joined.membership()?.expiresAtMs);
  nowMs += 10 * DAY;
  hostA.reverify();
  expect(hostA.admitted().has(hostB.nodeId)).toBe(true);
});

test('a member whose credential has ended is disconnected', async () => {
  let nowMs = Date.now();
  const { hostA, hostB } = await pair(() => nowMs);
  nowMs += 31 * DAY;
  hostA.reverify();
  expect(hostA.admitted().has(hostB.nodeId)).toBe(false);
  await until(() => hostB.admitted().size === 0);
});

test('two nodes that are started again keep their ports and find each other from what is on disk', async () => {
  const { first, second, hostA, hostB, founded, joined } = await pair();
  const addresses = [hostA.addresses(), hostB.addresses()];
  const bootSeq = hostB.admitted().get(hostA.nodeId)?.bootSeq as number;
  await until(async () => {
    for await (const [nodeId] of hostStores(first.database, founded.villageId).stores.knownPeers.entries()) {
      if (nodeId === hostB.nodeId) return true;
    }
    return false;
  });
  founded.stop();
  joined.stop();
  await Promise.all([hostA.stop(), hostB.stop()]);
  await Promise.all([first.data.close(), second.data.close()]);

  const [againA, againB] = [await folder({ dataDir: first.dataDir }), await folder({ dataDir: second.dataDir })];
  const [villageA, villageB] = [Village.open(againA) as Village, Village.open(againB) as Village];
  // Nothing but the folder tells A where B is: A was never given an address of it.
  const restartedB = await hosted(againB, Object.assign(villageB, { inviterAddresses: () => [] }));
  const restartedA = await hosted(againA, villageA);
  expect([restartedA.addresses(), restartedB.addresses()]).toEqual(addresses);
  await until(() => restartedA.admitted().has(restartedB.nodeId) && restartedB.admitted().has(restartedA.nodeId));
  expect(restartedB.admitted().get(restartedA.nodeId)?.bootSeq).toBe(bootSeq + 1);
});
