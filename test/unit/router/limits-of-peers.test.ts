import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PeerRates } from '../../../node/limits/index.ts';
import { CallContext } from '../../../node/router/call-context.ts';
import { DeadlineTimer } from '../../../node/router/index.ts';
import { RateLimiter } from '../../../src/routing/index.ts';
import { agentNamed, type NetworkNode, RouterNetwork } from '../../support/router-network.ts';
import { StoreServer } from '../../support/store-server.ts';

const deadlines = new DeadlineTimer();
const LIMITS = { perAgentPerMinute: 3, perNodePerSecond: 5, maxInFlightPerAgent: 2, maxInFlightPerPeer: 3 };

let network: RouterNetwork;
let host: NetworkNode;
let store: StoreServer;

beforeEach(() => {
  network = new RouterNetwork();
  store = new StoreServer('store', { cacheTtlMs: 0 });
  const agents = new RateLimiter();
  const peers = new PeerRates();
  const rates = {
    take: (...of: Parameters<RateLimiter['take']>) => agents.take(...of),
    broughtBy: (peer: string) => peers.of(peer),
  };
  host = network.add('node-a', [store], { rates, limits: LIMITS });
});
afterEach(() => network.stop());

/** What a peer that looks at nothing itself brings in an agent's name, with a delegation that holds: `ok`, or why not. */
async function brings(peer: string, agent: string): Promise<string> {
  const deadlineAt = performance.now() + 5_000;
  const { signal } = new AbortController();
  const context = new CallContext({ principal: agentNamed(agent), era: 'session', signal }, new Uint8Array(16), {
    deadlineAt,
    deadlines,
  });
  const request = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'plain', arguments: {} } } as const;
  const asked = { peer, server: 'store', target: 'plain', request, argumentsHash: '', context };
  const { outcome, reason } = await host.router.serve(asked);
  return outcome === 'ok' ? outcome : reason;
}

async function asksHere(agent: string): Promise<string> {
  const { error } = await host.ask('tools/call', { name: 'store__plain', arguments: {} }, agentNamed(agent));
  return error === undefined ? 'ok' : error.data.code;
}

describe('a peer that brings more calls than it may', () => {
  test('uses up the allowance of an agent only where that agent comes by it', async () => {
    for (const said of ['ok', 'ok', 'ok', 'rate']) expect(await brings('liar', 'ann')).toBe(said);
    expect(await brings('honest', 'ann')).toBe('ok');
    expect(await asksHere('ann')).toBe('ok');
  });

  test('gets no further by making up agents', async () => {
    const said: string[] = [];
    for (let nth = 0; nth < 8; nth += 1) said.push(await brings('liar', `made-up-${nth}`));
    expect(said).toEqual(['ok', 'ok', 'ok', 'ok', 'ok', 'rate', 'rate', 'rate']);
    expect(await brings('honest', 'ann')).toBe('ok');
  });
});

describe('a peer whose calls do not end', () => {
  let held: PromiseWithResolvers<void>;
  let running: Promise<string>[];

  beforeEach(() => {
    held = Promise.withResolvers();
    store.held = held.promise;
    running = [];
  });
  afterEach(async () => {
    held.resolve();
    expect(await Promise.all(running)).toEqual(running.map(() => 'ok'));
  });

  test('keeps no agent from its calls by another peer, nor here', async () => {
    running = [brings('liar', 'ann'), brings('liar', 'ann')];
    expect(await brings('liar', 'ann')).toBe('in-flight');
    running.push(brings('honest', 'ann'), asksHere('ann'));
  });

  test('has no more of them under way by making up agents, and has again as they end', async () => {
    running = [1, 2, 3].map((nth) => brings('liar', `made-up-${nth}`));
    expect(await brings('liar', 'made-up-4')).toBe('in-flight');
    running.push(brings('honest', 'ann'));
    held.resolve();
    await Promise.all(running);
    expect(await brings('liar', 'made-up-4')).toBe('ok');
  });
});
