import { type Replica, type Service } from '../../src/routing/index.ts';
import type { BackendContext } from '../../node/backends/backend.ts';
import { Replicas } from '../../node/router/replicas.ts';
import { identityDeskIn } from '../support/identity-desk-in.ts';
import { dataFolder } from '../support/process-node.ts';

const CALLS = 20_000;
const FIRST_CHECKS = 1_000;
const REPLICAS = 1_000;

/** What it takes to know who speaks, from the bytes of a token. */
export async function tokenChecks(): Promise<string> {
  const { desk } = await identityDeskIn(dataFolder('bench-identity'));
  const minted = await desk.mint({ agent: 'local' });
  if (minted.kind !== 'minted') throw new Error(minted.message);
  const first = await timed(FIRST_CHECKS, async () => {
    desk.forget();
    await desk.verify(minted.token);
  });
  await desk.verify(minted.token);
  const again = await timed(CALLS, () => void desk.verifyCached(minted.token));
  return `token check: seen before ${spelled(again)}; for the first time ${spelled(first)} (the goal: p99 under 1 ms)`;
}

/** What it takes to choose among replicas and to learn from the answer, the answer itself being there at once. */
export async function chosen(): Promise<string> {
  const reply = { body: Buffer.from('{}'), outcome: 'ok', reason: '' } as const;
  const backend = { request: () => Promise.resolve(reply) };
  const replicas: Replica[] = Array.from({ length: REPLICAS }, (_, n) => ({
    ...({ nodeId: `node-${n}`, alias: 'echo', local: false } as Replica),
  }));
  const service = { label: 'echo', alias: 'echo', replicas } as unknown as Service;
  const policy = { value: () => undefined };
  const parts = {
    hosting: { get: () => undefined },
    policy: () => policy,
    peer: () => backend,
    links: { silent: new Set<string>() },
    clock: { now: () => performance.now(), chance: Math.random },
  };
  const choice = new Replicas(parts as unknown as ConstructorParameters<typeof Replicas>[0]);
  const target = { service, request: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo' } } };
  const context = { era: 'session', signal: new AbortController().signal } as unknown as BackendContext;
  const times = await timed(CALLS, async () => {
    await choice.forward(target as unknown as Parameters<Replicas['forward']>[0], context);
  });
  return `choice among ${REPLICAS} replicas, with what it learns: ${spelled(times)} (the goal: p99 under 50 µs)`;
}

/** How long each call of `act` took, µs, in rising order, once it is warm. */
async function timed(calls: number, act: () => Promise<void> | void): Promise<readonly number[]> {
  for (let n = 0; n < calls / 4; n += 1) await act();
  const times: number[] = [];
  for (let n = 0; n < calls; n += 1) {
    const began = performance.now();
    await act();
    times.push((performance.now() - began) * 1000);
  }
  return times.sort((one, other) => one - other);
}

function spelled(times: readonly number[]): string {
  const at = (share: number): string => (times[Math.floor(times.length * share)] ?? Number.NaN).toFixed(1);
  return `p50 ${at(0.5)} µs, p99 ${at(0.99)} µs`;
}
