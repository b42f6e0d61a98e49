import { describe, expect, test } from 'vitest';
import type { Job } from '../../../node/router/job.ts';
import { ThreatGate } from '../../../node/router/threat-gate.ts';
import type { EventName } from '../../../node/telemetry/index.ts';
import type { PolicyValue } from '../../../src/constitution/index.ts';
import { principal } from '../../support/mux-peers.ts';

const MINUTE = 60_000;
const ATTACK = { user_id: "1' OR '1'='1" };

function gate(policy: Readonly<Record<string, PolicyValue>> = {}) {
  const heard: EventName[] = [];
  const made = new ThreatGate({
    policy: () => ({ value: (key) => policy[key] }),
    reporter: { report: (name) => void heard.push(name) },
  });
  return { gate: made, heard };
}

function job(args: object, more: Partial<Job> = {}): Job {
  return {
    side: 'call',
    request: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'find', arguments: args } },
    context: { principal: principal('sage') } as Job['context'],
    server: 'people',
    target: 'find',
    permission: undefined,
    scope: { server: 'people', name: 'find' } as unknown as Job['scope'],
    called: 'people__find',
    peer: '',
    sourceIp: '127.0.0.1',
    argumentsHash: '',
    began: 1,
    ...more,
  };
}
const deny = (one: Job, reason: string): Job => ({
  ...one,
  refused: { error: 'PERMISSION_DENIED', reason, message: '' },
});
const REPLY = { body: new Uint8Array(), outcome: 'denied', reason: 'level' } as const;

describe('a dangerous call', () => {
  test('is blocked with what spoke against it, and is heard of', () => {
    const { gate: made, heard } = gate();
    const refused = made.check(job(ATTACK));
    expect(refused).toMatchObject({ error: 'BLOCKED', reason: 'threat arguments:sql-injection' });
    expect(JSON.parse(refused?.evidence ?? '')).toEqual({
      threat: { score: 0.95, reasons: [{ signal: 'arguments:sql-injection', at: 'user_id', score: 0.95 }] },
    });
    expect(refused?.message).not.toContain('OR');
    expect(heard).toEqual(['threat.blocked']);
  });

  test('passes where the voters set the limit higher', () => {
    expect(gate({ 'threat.block_above': 96 }).gate.check(job(ATTACK))).toBeUndefined();
    expect(gate({ 'threat.block_above': 94 }).gate.check(job(ATTACK))).toBeDefined();
  });

  test('is none when it casts a vote or ends an emergency', () => {
    const { gate: made } = gate({ 'threat.quarantined': ['sage'] });
    expect(made.check(job(ATTACK, { server: 'governance', target: 'governance_vote' }))).toBeUndefined();
    expect(made.check(job(ATTACK, { server: 'governance', target: 'governance_proposal' }))).toMatchObject({
      error: 'BLOCKED',
    });
    expect(made.check(job({}, { server: 'governance', target: 'policy_query' }))).toBeUndefined();
  });

  test('looks worse from an agent that was refused again and again', () => {
    const { gate: made } = gate();
    const doubtful = { query: "x' OR 'a'='a" };
    expect(made.check(job(doubtful))).toBeUndefined();
    for (let tool = 0; tool < 13; tool += 1) made.ended(deny(job({}, { target: `tool-${tool}` }), 'level'), REPLY);
    expect(made.check(job(doubtful))).toMatchObject({ error: 'BLOCKED' });
  });

  test('being limited by rate is no sign of it', () => {
    const { gate: made } = gate();
    for (let tool = 0; tool < 50; tool += 1) made.ended(deny(job({}, { target: `tool-${tool}` }), 'rate'), REPLY);
    expect(made.check(job({}))).toBeUndefined();
  });
});

describe('quarantine', () => {
  test('begins with the fifth blocked call in ten minutes and ends after an hour', () => {
    const { gate: made, heard } = gate();
    for (let blocked = 1; blocked <= 5; blocked += 1) made.check(job(ATTACK, { began: blocked * MINUTE }));
    expect(heard.filter((name) => name === 'threat.quarantined')).toHaveLength(1);
    expect(made.check(job({}, { began: 6 * MINUTE }))).toMatchObject({ error: 'QUARANTINED' });
    expect(made.quarantined(6 * MINUTE)).toEqual([{ agent: 'sage', peer: '' }]);
    expect(made.check(job({}, { began: 66 * MINUTE }))).toBeUndefined();
  });

  test('does not begin for blocked calls far apart', () => {
    const { gate: made } = gate();
    for (let blocked = 1; blocked <= 9; blocked += 1) made.check(job(ATTACK, { began: blocked * 3 * MINUTE }));
    expect(made.check(job({}, { began: 28 * MINUTE }))).toBeUndefined();
  });

  test('by a decision holds until a decision lifts it', () => {
    const policy: Record<string, PolicyValue> = { 'threat.quarantined': ['sage'] };
    const { gate: made } = gate(policy);
    expect(made.check(job({}))).toMatchObject({ error: 'QUARANTINED' });
    expect(made.check(job({}, { context: { principal: principal('magi') } as Job['context'] }))).toBeUndefined();
    policy['threat.quarantined'] = [];
    expect(made.check(job({}))).toBeUndefined();
  });

  test('by a decision holds by whichever peer the agent comes, and a pardon too', () => {
    const policy: Record<string, PolicyValue> = { 'threat.quarantined': ['sage'] };
    const { gate: made } = gate(policy);
    const served = (peer: string, args: object = {}) => made.check(job(args, { side: 'serve', peer, sourceIp: '' }));
    expect([served('one'), served('other'), made.check(job({}))].map((refused) => refused?.error)).toEqual(
      Array(3).fill('QUARANTINED'),
    );
    policy['threat.quarantined'] = [];
    for (let blocked = 0; blocked < 5; blocked += 1) served('one', ATTACK);
    expect(served('one')?.message).toContain('for what one sends in its name');
    expect(served('other')).toBeUndefined();
    policy['threat.pardoned'] = ['sage'];
    expect(served('one')).toBeUndefined();
  });

  test('does not touch whom a decision pardons', () => {
    const { gate: made } = gate({ 'threat.pardoned': ['sage'] });
    for (let blocked = 0; blocked < 9; blocked += 1)
      expect(made.check(job(ATTACK))).toMatchObject({ error: 'BLOCKED' });
    expect(made.check(job({}))).toBeUndefined();
  });

  test('ends when a decision pardons the agent', () => {
    const policy: Record<string, PolicyValue> = {};
    const { gate: made } = gate(policy);
    for (let blocked = 0; blocked < 5; blocked += 1) made.check(job(ATTACK));
    expect(made.check(job({}))).toMatchObject({ error: 'QUARANTINED' });
    policy['threat.pardoned'] = ['sage'];
    expect(made.check(job({}))).toBeUndefined();
  });
});
