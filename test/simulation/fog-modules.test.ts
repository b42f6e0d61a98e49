import { randomBytes } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { Artifacts, modulePeers } from '../../node/fog/artifacts/index.ts';
import { FOG_BLOB } from '../../protocols/fog-blob/index.ts';
import { newIdentity, type TestHost, TestVillage } from '../support/mesh-hosts.ts';
import { hostA } from '../support/small-village.ts';
import { until } from '../support/until.ts';

const village = new TestVillage();
afterAll(() => village.stop());

const publisher = newIdentity(Buffer.alloc(32, 11)); // the key of hostA

async function node(changes: Parameters<TestVillage['make']>[0] = {}): Promise<TestHost & { artifacts: Artifacts }> {
  const made = village.make(changes);
  const { host } = made;
  const artifacts = new Artifacts({
    nodeId: host.nodeId,
    dataDir: await village.folder(),
    config: () => ({ artifacts: {}, publishers: [publisher.nodeId] }),
    approved: () => [],
    peers: modulePeers(host),
    wallMs: () => 1_800_000_000_000,
    sign: (typ, payload) => hostA.node.jws(typ, payload),
  });
  await artifacts.start();
  host.handle(FOG_BLOB, (stream) => artifacts.serve(stream));
  await host.start();
  return { ...made, artifacts };
}

test('a module of 3 MiB reaches a node over real connections, and from there the next, when its publisher is gone', async () => {
  expect(publisher.nodeId).toBe(hostA.node.peerId);
  const first = await node({ identity: publisher });
  const [second, third] = [await node(), await node()];
  const signal = AbortSignal.timeout(20_000);
  const address = (of: TestHost): string => of.host.addresses()[0] as string;
  await second.host.dial(address(first), { signal });
  const artifact = await first.artifacts.publish(Buffer.concat([Buffer.from('//'), randomBytes(3 * 1024 * 1024)]), {
    entry: 'm.mjs',
    caps: { fs: 'own', net: false, env: [] },
    min_resources: { cpu_milli: 0, mem_mib: 0 },
    not_after: 1_900_000_000,
  });
  const asked = { artifact, res: { cpuMilli: 1, memMib: 1, diskMib: 0, gpus: 0 }, env: {} };
  const digest = artifact.slice('mod:sha256:'.length);
  expect(await second.artifacts.judge(asked, { signal })).toEqual({ kind: 'runnable', warm: false });
  expect(await second.artifacts.prepare(asked, { signal })).toMatchObject({ module: { digest } });
  await first.host.stop();
  await third.host.dial(address(second), { signal });
  await until(() => third.host.admitted().size > 0);
  // By whoever asks for the shard, here a node that is gone, and then by whoever else there is.
  const wanted = { from: first.host.nodeId, signal };
  expect(await third.artifacts.prepare(asked, wanted)).toMatchObject({ module: { digest } });
});
