import { describe, expect, test } from 'vitest';
import { FLOOD_LIMITS, FloodGate, mayFlood } from '../../../src/audit/index.ts';
import { recordOf } from '../../support/audit.ts';

const LIMITS = { singly: 3, provoked: 5, maxNames: 4, windowMs: 10_000, maxFloods: 4 };
const refusal = (changes = {}) =>
  recordOf({ kind: 'refusal', outcome: 'denied', reason: 'UNAUTHENTICATED', agentId: '', ...changes });

describe('a flood of equal refusals', () => {
  test('is recorded one by one at first, then counted', () => {
    const gate = new FloodGate(LIMITS);
    const admitted = Array.from({ length: 1000 }, (_, i) => gate.admits(refusal(), i));
    expect(admitted.filter(Boolean)).toHaveLength(3);
    expect(gate.due(9_999)).toEqual([]);
    const summaries = gate.due(10_000);
    expect(summaries).toHaveLength(1);
    expect(summaries[0]).toMatchObject({
      kind: 'refusal',
      reason: 'UNAUTHENTICATED',
      count: 997,
      sourceIp: '127.0.0.1',
      callId: '',
    });
    expect(gate.size).toBe(0);
  });

  test('that stays small leaves no summary', () => {
    const gate = new FloodGate(LIMITS);
    gate.admits(refusal(), 0);
    expect(gate.due(20_000)).toEqual([]);
    expect(gate.size).toBe(0);
  });

  test('of one agent does not hide another, nor another reason or method', () => {
    const gate = new FloodGate({ ...LIMITS, singly: 1 });
    expect(gate.admits(refusal({ agentId: 'a' }), 0)).toBe(true);
    expect(gate.admits(refusal({ agentId: 'a' }), 0)).toBe(false);
    expect(gate.admits(refusal({ agentId: 'b' }), 0)).toBe(true);
    expect(gate.admits(refusal({ agentId: 'a', reason: 'RATE_LIMITED' }), 0)).toBe(true);
    expect(gate.admits(refusal({ agentId: 'a', method: 'prompts/get' }), 0)).toBe(true);
  });

  test('claims in its summary only what is true of every one', () => {
    const gate = new FloodGate({ ...LIMITS, singly: 0 });
    for (const target of ['x', 'y', 'x']) gate.admits(refusal({ agentId: 'a', target, sourceIp: '10.0.0.1' }), 0);
    expect(gate.due(10_000)).toMatchObject([{ agentId: 'a', target: '', sourceIp: '10.0.0.1', count: 3 }]);
  });

  test('from ever new sources is counted in bounded memory, none lost', () => {
    const gate = new FloodGate(LIMITS);
    let written = 0;
    for (let i = 0; i < 10_000; i += 1)
      if (gate.admits(refusal({ sourceIp: `10.0.${i >> 8}.${i & 255}` }), 0)) written += 1;
    expect(gate.size).toBeLessThanOrEqual(LIMITS.maxFloods + 1);
    const counted = gate.due(10_000).reduce((sum, record) => sum + record.count, 0);
    expect(written + counted).toBe(10_000);
  });

  test('is told at once when the log stops, and when the clock was set back', () => {
    const gate = new FloodGate({ ...LIMITS, singly: 0 });
    gate.admits(refusal(), 50_000);
    expect(gate.due(50_001, { everything: true })).toHaveLength(1);
    gate.admits(refusal(), 50_000);
    expect(gate.due(10)).toHaveLength(1);
  });
});

describe('what peers bring about', () => {
  const changed = (changes = {}) =>
    recordOf({
      kind: 'administration',
      outcome: 'recorded',
      reason: '',
      method: 'tool.changed',
      peer: 'B',
      ...changes,
    });
  const refused = (changes = {}) =>
    recordOf({ kind: 'admission', outcome: 'denied', reason: 'WIRE_CLOSED', method: 'hello', agentId: '', ...changes });

  test('is written as one entry with a count where it becomes a flood, without what differs', () => {
    const gate = new FloodGate();
    const records = Array.from({ length: 4_000 }, (_, index) =>
      changed({ target: `t${index}`, content: `{"is":${index}}` }),
    );
    expect(records.every(mayFlood)).toBe(true);
    expect(records.filter((record) => gate.admits(record, 0))).toHaveLength(FLOOD_LIMITS.provoked);
    const [summary, ...others] = gate.due(10_000);
    expect(others).toEqual([]);
    expect(summary).toMatchObject({ method: 'tool.changed', peer: 'B', target: '', count: 4_000 - 64 });
    expect(summary?.content).toBeUndefined();
  });

  test('by one of them hides nothing of another', () => {
    const gate = new FloodGate({ ...LIMITS, provoked: 1 });
    expect(gate.admits(changed(), 0)).toBe(true);
    expect(gate.admits(changed(), 0)).toBe(false);
    expect(gate.admits(changed({ peer: 'C' }), 0)).toBe(true);
  });

  test('in names that it makes up is one flood from some number of names on', () => {
    const gate = new FloodGate();
    let written = 0;
    for (let index = 0; index < 20_000; index += 1) {
      const named = { peer: 'B', agentId: `a${index}`, method: `m${index}` };
      if (gate.admits(recordOf({ kind: 'refusal', outcome: 'denied', reason: 'NO_GRANT', ...named }), 0)) written += 1;
    }
    expect(written).toBe(FLOOD_LIMITS.maxNames + FLOOD_LIMITS.singly);
    expect(gate.due(10_000).reduce((sum, { count }) => sum + count, 0)).toBe(20_000 - written);
  });

  test('under ever new PeerIds is one flood from some number of them on, and the windows after begin anew', () => {
    const gate = new FloodGate();
    for (const startMs of [0, 10_000, 20_000]) {
      let written = 0;
      for (let index = 0; index < 5_000; index += 1)
        if (gate.admits(refused({ peer: `p${index}` }), startMs)) written += 1;
      expect(written).toBe(FLOOD_LIMITS.maxNames + FLOOD_LIMITS.singly);
      expect(gate.due(startMs + 10_000)).toMatchObject([{ peer: '', count: 5_000 - written }]);
      expect(gate.size).toBe(0);
    }
  });

  test('of one kind hides nothing of another: a quarantine is written whatever tools change', () => {
    const gate = new FloodGate();
    for (let index = 0; index < 4_000; index += 1) gate.admits(changed({ peer: `p${index}` }), 0);
    const quarantined = { method: 'threat.quarantined', agentId: 'mallory@pppppppp', peer: 'late' };
    expect(gate.admits(changed(quarantined), 0)).toBe(true);
  });

  test('is not who was admitted, nor what an operator or a vote approved: each of those is written', () => {
    const granted = { kind: 'admission', method: 'redeem', outcome: 'recorded', peer: 'B' } as const;
    expect(mayFlood(recordOf(granted))).toBe(false);
    expect(mayFlood(recordOf({ ...granted, outcome: 'denied' }))).toBe(true);
    expect(mayFlood(changed({ method: 'tool.approved' }))).toBe(false);
    expect(mayFlood(changed())).toBe(true);
  });

  test('is never counted where it is a call that was made, or what the log says of itself', () => {
    for (const kind of ['call', 'serve'] as const)
      expect(mayFlood(recordOf({ kind, outcome: 'ok', peer: 'B' }))).toBe(false);
    for (const kind of ['gap', 'start', 'stop'] as const)
      expect(mayFlood(recordOf({ kind, outcome: 'recorded', peer: 'B' }))).toBe(false);
    expect(mayFlood(changed({ peer: '' }))).toBe(false);
  });
});
