import { beforeEach, describe, expect, test } from 'vitest';
import { createEventBus, type EventBus } from '../../../node/telemetry/index.ts';
import { RecentTroubles } from '../../../node/troubles/index.ts';

let now: number;
let bus: EventBus;
let recent: RecentTroubles;
beforeEach(() => {
  now = 1_000;
  bus = createEventBus();
  recent = new RecentTroubles(bus, () => now);
});
const server = (state: string, problem?: string): void =>
  bus.report('server.state', { server: 's', state, ...(problem === undefined ? {} : { problem }) });

describe('since when a trouble lasts', () => {
  test('is its first beginning, however often it is told again, until it is over', () => {
    server('down', 'exit 1');
    now = 2_000;
    server('starting');
    server('down', 'exit 2');
    expect(recent.lasting('server s')).toEqual({ sinceMs: 1_000, problem: 'exit 2' });
    server('healthy');
    expect(recent.lasting('server s')).toBeUndefined();
    now = 3_000;
    server('degraded');
    expect(recent.lasting('server s')?.sinceMs).toBe(3_000);
  });

  test.each([
    [
      'tool p/s__t',
      'tool.changed',
      { peer: 'p', server: 's', kind: 'tool', name: 't', was: 'a', is: 'b' },
      'tool.approved',
    ],
    ['config', 'config.invalid', { problem: 'x', applied: [], wantsRestart: [] }, 'config.reloaded'],
    ['certificate', 'gateway.certificate-refused', { problem: 'x', pin: 'p', notAfter: '' }, 'gateway.certificate'],
    ['audit', 'background.failed', { area: 'audit', error: undefined, entries: 1, durationMs: 1 }, 'audit.flushed'],
  ] as const)('is known of %s', (of, begins, detail, ends) => {
    bus.report(begins, detail as never);
    expect(recent.lasting(of)?.sinceMs).toBe(1_000);
    bus.report(ends, detail as never);
    expect(recent.lasting(of)).toBeUndefined();
  });

  test('is known of calls turned away, with how much it is now', () => {
    const pressure = { delay: 0, inFlight: 0, memory: 0 };
    bus.report('overload.changed', { levels: 1, ...pressure });
    now = 5_000;
    bus.report('overload.changed', { levels: 3, ...pressure });
    expect(recent.lasting('overload')).toEqual({ sinceMs: 1_000, problem: '3' });
    bus.report('overload.changed', { levels: 0, ...pressure });
    expect(recent.lasting('overload')).toBeUndefined();
  });

  test('begins anew for an agent that is put in quarantine again', () => {
    bus.report('threat.quarantined', { agent: 'ann', peer: '' });
    now = 9_000;
    bus.report('threat.quarantined', { agent: 'ann', peer: '' });
    expect(recent.lasting('agent /ann')?.sinceMs).toBe(9_000);
  });

  test('is kept for a bounded number', () => {
    for (let nth = 0; nth < 500; nth += 1) bus.report('threat.quarantined', { agent: `a${nth}`, peer: '' });
    const known = Array.from({ length: 500 }, (_, nth) => recent.lasting(`agent /a${nth}`)).filter(Boolean);
    expect(known).toHaveLength(64);
  });
});

describe('what happens again and again', () => {
  const deny = (peer: string): void =>
    bus.report('peer.denied', { peer, reason: 'delegation-refused', because: 'level' });

  test('is counted by who and why, and forgotten after ten quiet minutes', () => {
    deny('p');
    now = 2_000;
    deny('p');
    bus.report('peer.denied', { peer: 'p', reason: 'busy' });
    expect(recent.denied()).toEqual([
      { of: 'p', why: 'level', count: 2, firstMs: 1_000, lastMs: 2_000 },
      { of: 'p', why: 'busy', count: 1, firstMs: 2_000, lastMs: 2_000 },
    ]);
    now = 2_000 + 10 * 60_000;
    expect(recent.denied()).toEqual([]);
    deny('p');
    expect(recent.denied()).toEqual([{ of: 'p', why: 'level', count: 1, firstMs: now, lastMs: now }]);
  });

  test('is kept for the 64 heard of last', () => {
    for (let nth = 0; nth < 1_000; nth += 1) deny(`p${nth}`);
    const known = recent.denied();
    expect(known).toHaveLength(64);
    expect(known.at(-1)?.of).toBe('p999');
  });

  test('is over for a peer that is let in', () => {
    bus.report('peer.refused', { peer: 'p', reason: 'expired' });
    expect(recent.refused()).toHaveLength(1);
    bus.report('peer.admitted', { peer: 'p', direction: 'inbound' });
    expect(recent.refused()).toEqual([]);
  });

  test('is told apart: tokens, failures, revocations; a refusal at another stage is none of them', () => {
    bus.report('call.refused', { stage: 'authenticate', reason: 'exp' });
    bus.report('call.refused', { stage: 'source', reason: 'RATE_LIMITED' });
    bus.report('background.failed', { area: 'pins', error: new Error('x') });
    bus.report('revocation.full', { by: 'signer' });
    expect(recent.badTokens()).toMatchObject([{ of: 'authenticate', why: 'exp', count: 1 }]);
    expect(recent.failures()).toMatchObject([{ of: 'pins', count: 1 }]);
    expect(recent.ignored()).toMatchObject([{ of: 'signer', count: 1 }]);
  });
});

test('what others change, and whom they bring, hides nothing that this node has itself; of theirs the newest is kept', () => {
  for (let nth = 0; nth < 100; nth += 1) {
    const part = { server: 's', kind: 'tool', name: `t${nth}`, was: 'a', is: 'b' } as const;
    bus.report('tool.changed', { peer: 'liar', ...part });
    bus.report('threat.quarantined', { agent: `agent-${nth}`, peer: 'liar' });
  }
  bus.report('config.invalid', { problem: 'unknown key' });
  expect(recent.lasting('config')).toEqual({ sinceMs: 1_000, problem: 'unknown key' });
  expect(recent.lasting('tool liar/s__t0')).toBeUndefined();
  expect(recent.lasting('tool liar/s__t99')).toMatchObject({ sinceMs: 1_000 });
  expect(recent.lasting('agent liar/agent-99')).toMatchObject({ sinceMs: 1_000 });
});
