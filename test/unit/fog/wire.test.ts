import { lpStream, streamPair } from '@libp2p/utils';
import { expect, test } from 'vitest';
import { FogWire, type WireDesk, type WireHost } from '../../../node/fog/wire.ts';
import type { StreamHandler } from '../../../node/host/mesh-host.ts';
import { utf8 } from '../../../src/kernel/index.ts';
import { until } from '../../support/until.ts';

test('a peer that asks without end is read at 50 messages a second from the 1,001st on, and none is lost', async () => {
  let serve: StreamHandler = () => Promise.resolve();
  const host: WireHost = {
    nodeId: 'here',
    handle: (_spec, handler) => void (serve = handler),
    openStream: () => Promise.reject(new Error('this node asks nobody')),
    subscribe: () => undefined,
    publish: () => Promise.resolve(),
    admitted: () => new Map(),
    onAdmitted: () => () => undefined,
  };
  const heard: string[] = [];
  const desk: WireDesk = {
    hear: async () => undefined,
    hearAd: async () => undefined,
    hearMap: async () => undefined,
    askedForMap: async (deployment) => void heard.push(deployment),
    askedForLogs: async () => undefined,
    hearLogs: async () => undefined,
    announced: () => true,
    greeting: () => ({ told: [], said: [] }),
    unsent: () => undefined,
  };
  const reporter = { report: () => undefined };
  const wire = new FogWire({ host, villageId: 'v', sign: () => '', reporter, now: () => performance.now() }, desk);
  const [out, into] = await streamPair();
  const serving = Promise.resolve(serve(into, { nodeId: 'peer' } as Parameters<StreamHandler>[1]));
  const framed = lpStream(out);
  const asked = Array.from({ length: 1_060 }, (_, index) => `d${index}`);
  const beganMs = performance.now();
  for (const map of asked) await framed.write(utf8(JSON.stringify({ v: 1, ask: { map } })));
  await until(() => heard.length === asked.length, { timeoutMs: 8_000 });
  // 60 more than may be taken at once: 1.2 s of them, less what the peer earned while the first were read.
  expect(performance.now() - beganMs).toBeGreaterThan(800);
  expect(heard).toEqual(asked);
  await out.close();
  await serving;
  await wire.stop();
});
