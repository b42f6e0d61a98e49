import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type HostedServer, LocalHosting } from '../../../node/backends/index.ts';
import { Reports } from '../../support/mesh-hosts.ts';
import { until } from '../../support/until.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function server(alias: string): HostedServer & { stopped: number } {
  return {
    kind: 'stdio',
    alias,
    share: 'mesh',
    stopped: 0,
    state: () => ({ state: 'healthy', since: 0 }),
    definition: () => undefined,
    start: async () => undefined,
    async stop() {
      this.stopped += 1;
    },
    request: async () => ({ body: new Uint8Array(), outcome: 'ok', reason: '' }),
  };
}

async function hosting(roles: readonly HostedServer[] = []): Promise<LocalHosting> {
  const dataDir = mkdtempSync(join(tmpdir(), 'guests-'));
  cleanups.push(() => rmSync(dataDir, { recursive: true, force: true }));
  const made = new LocalHosting({
    nodeId: 'node',
    roles,
    servers: {},
    dataDir,
    reporter: new Reports(),
    environment: {},
  });
  await made.start();
  cleanups.push(() => made.stop());
  return made;
}

test('a guest is hosted like any server while it stays, and whoever hears of changes hears of it', async () => {
  const host = await hosting();
  const heard: string[] = [];
  host.onChange((alias) => heard.push(alias));
  const guest = server('magi');
  expect(host.addGuest(guest)).toBe(true);
  expect(host.get('magi')).toBe(guest);
  expect(host.servers()).toContain(guest);
  await until(() => heard.length === 1);
  host.guestChanged('magi');
  await until(() => heard.length === 2);
  host.removeGuest('magi');
  expect(host.get('magi')).toBeUndefined();
  await until(() => heard.length === 3);
  host.guestChanged('magi');
  host.removeGuest('magi');
  expect(new Set(heard)).toEqual(new Set(['magi']));
});

test('a name that is taken stays with who has it', async () => {
  const role = server('governance');
  const host = await hosting([role]);
  expect(host.addGuest(server('governance'))).toBe(false);
  expect(host.get('governance')).toBe(role);
  expect(host.addGuest(server('magi'))).toBe(true);
  expect(host.addGuest(server('magi'))).toBe(false);
});

test('a configured server does not take the name of a guest', async () => {
  const host = await hosting();
  const guest = server('magi');
  host.addGuest(guest);
  const config = { command: 'false', args: [], env: {}, share: 'mesh', enabled: true } as never;
  await host.reconfigure({ magi: config });
  expect(host.servers()).toEqual([guest]);
});

test('the end of hosting stops its own servers and leaves guests to who brought them', async () => {
  const role = server('governance');
  const host = await hosting([role]);
  const guest = server('magi');
  host.addGuest(guest);
  await host.stop();
  expect([role.stopped, guest.stopped]).toEqual([1, 0]);
  expect(host.addGuest(server('late'))).toBe(false);
});
