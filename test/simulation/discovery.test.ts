import { createPrivateKey, sign } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  Directory,
  type DirectoryHost,
  type DirectorySettings,
  storedState,
  systemClock,
} from '../../node/discovery/index.ts';
import { MemoryDatabase, type Store } from '../../node/storage/index.ts';
import { signingInput } from '../../src/kernel/index.ts';
import { type Identity, newIdentity, type TestHost, TestVillage } from '../support/mesh-hosts.ts';
import { until } from '../support/until.ts';
import { TestServer } from '../unit/discovery/mesh-double.ts';

const within = (ms = 10_000) => AbortSignal.timeout(ms);
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

interface Member extends TestHost {
  readonly directory: Directory;
  readonly servers: TestServer[];
  tools(): string[];
}

let village: TestVillage;
beforeEach(() => {
  village = new TestVillage();
});
afterEach(() => village.stop());

async function member(
  options: Partial<DirectorySettings> & {
    servers?: TestServer[];
    provides?: boolean;
    identity?: Identity;
    disk?: Store;
  } = {},
): Promise<Member> {
  const {
    servers = [],
    provides = true,
    identity = newIdentity(),
    disk = new MemoryDatabase().namespace('discovery'),
    ...settings
  } = options;
  const made = village.make({ identity });
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, identity.seed]), format: 'der', type: 'pkcs8' });
  const directory = await Directory.open({
    host: provides ? made.host : withoutProviding(made.host),
    village: village.villageId,
    sign: (typ, payload) => {
      const input = signingInput({ alg: 'EdDSA', typ }, payload);
      return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`;
    },
    store: storedState(disk),
    hosting: { servers: () => servers, get: () => undefined, onChange: () => () => undefined },
    reporter: made.reports,
    clock: systemClock,
    mayHost: (nodeId) => made.host.admitted().get(nodeId)?.membership.may.host === true,
    settings: { exchange: true, lookupIntervalMs: 1_000, ...settings },
  });
  await made.host.start();
  await directory.start();
  village.cleanUp(() => directory.stop());
  return { ...made, directory, servers, tools: () => [...directory.catalogue().village.tools.keys()] };
}

/** The same host, whose provider records go nowhere. */
function withoutProviding(host: TestHost['host']): DirectoryHost {
  return {
    nodeId: host.nodeId,
    handle: (spec, handler) => host.handle(spec, handler),
    openStream: (nodeId, spec, options) => host.openStream(nodeId, spec, options),
    admitted: () => host.admitted(),
    onAdmitted: (listener) => host.onAdmitted(listener),
    onGone: (listener) => host.onGone(listener),
    provide: async () => 20,
    unprovide: async () => undefined,
    findProviders: (path, options) => host.findProviders(path, options),
    subscribe: (topic, accept) => host.subscribe(topic, accept),
    publish: (topic, data) => host.publish(topic, data),
  };
}

async function villageOf25(provides: boolean): Promise<{ a: Member; c: Member }> {
  const hub = await member({ exchange: false });
  const address = hub.host.addresses()[0] as string;
  const others: Member[] = [];
  for (let index = 1; index < 25; index += 1) {
    const servers = index === 1 ? [new TestServer('everything', ['echo'])] : [];
    const one = await member({ exchange: false, servers, provides });
    await one.host.dial(address, { signal: within() });
    others.push(one);
  }
  await until(() => hub.host.admitted().size === 24, { timeoutMs: 20_000 });
  return { a: others[0] as Member, c: others[23] as Member };
}

describe('in a village of 25 whose nodes exchange nothing directly', () => {
  test('a node finds another’s server by provider records', async () => {
    const { a, c } = await villageOf25(true);
    await until(() => c.tools().includes('everything__echo'), { timeoutMs: 80_000 });
    expect(c.directory.nodes().map((node) => node.nodeId)).toEqual([a.host.nodeId]);
  });

  test('nobody finds it without them', async () => {
    const { a, c } = await villageOf25(false);
    await c.directory.lookAround({ signal: within() });
    await c.directory.want('everything', { signal: within() });
    expect(c.tools()).toEqual([]);
    // It is there to be asked: only nobody said so.
    await until(async () => (await c.directory.meet(a.host.nodeId)).kind === 'known', { timeoutMs: 20_000 });
    expect(c.tools()).toEqual(['everything__echo']);
  });
});

test('a node that stops says so, one that dies is missed, and both are back when they return', async () => {
  const [identity, disk] = [newIdentity(), new MemoryDatabase().namespace('discovery')];
  const servers = [new TestServer('everything', ['echo'])];
  const c = await member();
  const join = async () => {
    const a = await member({ servers, identity, disk });
    await a.host.dial(c.host.addresses()[0] as string, { signal: within() });
    await until(() => c.tools().length === 1, { timeoutMs: 10_000 });
    return a;
  };
  const first = await join();
  await first.directory.stop();
  await until(() => c.tools().length === 0);
  expect(c.reports.of('directory.dropped')).toEqual([{ peer: identity.nodeId, reason: 'withdrawn' }]);
  await first.host.stop();
  const second = await join();
  await second.host.stop();
  await until(() => c.tools().length === 0);
  expect(c.reports.of('directory.dropped').at(-1)).toEqual({ peer: identity.nodeId, reason: 'disconnected' });
  await join();
});
