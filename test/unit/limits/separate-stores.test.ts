import { expect, test } from 'vitest';
import { openLimits, PeerRates } from '../../../node/limits/index.ts';

const BOUNDS = { perSourcePerMinute: 1, perNodePerSecond: 1_000_000 };
const ONCE = { perMinute: 1, burst: 1 };

function limits(bounds = BOUNDS) {
  const host = {
    nodeId: 'node-a',
    subscribe: async () => () => undefined,
    publish: async () => undefined,
    admitted: () => new Map(),
  };
  return openLimits({
    host: host as never,
    bus: { report: () => undefined },
    limits: () => bounds as never,
    inFlight: () => 0,
  });
}

test('however many addresses ask, an agent owes nothing for them, and what it owes is not forgotten', () => {
  const { rates, source } = limits();
  expect(rates.take('tool ann x', ONCE, performance.now())).toBe(0);
  for (let nth = 0; nth < 100_100; nth += 1) source(`10.${nth >> 16}.${(nth >> 8) & 255}.${nth & 255}`);
  expect(rates.take('tool bob x', ONCE, performance.now())).toBe(0);
  expect(rates.take('tool ann x', ONCE, performance.now())).toBeGreaterThan(0);
});

test('however many agents ask, an address owes nothing for them', () => {
  const { rates, source } = limits();
  for (let nth = 0; nth < 100_100; nth += 1) rates.take(`agent ${nth}`, ONCE, performance.now());
  expect(source('192.0.2.7')).toBe(0);
  expect(source('192.0.2.7')).toBeGreaterThan(0);
});

test('all addresses of one IPv6 network are one source, and the next network is another', () => {
  const { source } = limits();
  expect(source('2001:db8:1:2::1')).toBe(0);
  expect(source('2001:db8:1:2:ffff::9')).toBeGreaterThan(0);
  expect(source('2001:db8:1:3::1')).toBe(0);
  expect(source('192.0.2.7')).toBe(0);
  expect(source('::ffff:192.0.2.7')).toBeGreaterThan(0);
});

test('no number of addresses makes the node forget how much it was asked', () => {
  const { source } = limits({ perSourcePerMinute: 1, perNodePerSecond: 1 });
  expect(source('192.0.2.7')).toBe(0);
  expect(source('192.0.2.8')).toBeGreaterThan(0);
  for (let nth = 0; nth < 100_100; nth += 1) source(`10.${nth >> 16}.${(nth >> 8) & 255}.${nth & 255}`);
  expect(source('192.0.2.9')).toBeGreaterThan(0);
});

test('a peer is forgotten only for others that are not silent', () => {
  const peers = new PeerRates({ maxPeers: 3 });
  const ask = (peer: string) => peers.of(peer).takeWhole(ONCE, 0);
  expect(ask('a')).toBe(0);
  expect([ask('b'), ask('c')]).toEqual([0, 0]);
  expect(ask('a')).toBeGreaterThan(0);
  expect(ask('d')).toBe(0);
  expect(ask('a')).toBeGreaterThan(0);
  expect(ask('b')).toBe(0);
});

test('agents that a peer makes up do not refill what it may bring in all', () => {
  const peer = new PeerRates().of('liar');
  const whole = { perMinute: 60, burst: 2_000 };
  let admitted = 0;
  for (let nth = 0; nth < 5_000; nth += 1) {
    if (peer.take(`agent ${nth}`, { perMinute: 1_000, burst: 1_000 }, 0) === 0 && peer.takeWhole(whole, 0) === 0)
      admitted += 1;
  }
  expect(admitted).toBe(2_000);
});
