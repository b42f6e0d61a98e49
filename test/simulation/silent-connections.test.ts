import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { TestVillage } from '../support/mesh-hosts.ts';
import { until } from '../support/until.ts';

const village = new TestVillage();
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await village.stop();
});

test('one address may hold 64 connections that say nothing, and gets another when one of them ends', async () => {
  const { host } = village.make({ transport: 'tcp' });
  await host.start();
  const port = Number(/\/tcp\/(\d+)\//.exec(host.addresses()[0] as string)?.[1]);
  let cut = 0;
  for (let count = 0; count < 70; count += 1) {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => undefined).once('close', () => (cut += 1));
  }
  await until(() => cut === 6);

  // One that ends makes room for a member behind the same address.
  const member = village.make({ transport: 'tcp' });
  await member.host.start();
  const own = host.addresses()[0] as string;
  await expect(member.host.dial(own, { signal: AbortSignal.timeout(3_000) })).rejects.toMatchObject({
    code: 'NODE_UNREACHABLE',
  });
  sockets.find((socket) => !socket.destroyed)?.destroy();
  // The host hears of the end a moment later.
  const dialled = () => member.host.dial(own, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined);
  await expect.poll(dialled, { timeout: 5_000 }).toBe(host.nodeId);
});
