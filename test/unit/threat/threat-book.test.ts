import { describe, expect, test } from 'vitest';
import { ThreatBook } from '../../../src/threat/index.ts';

const MINUTE = 60_000;
const call = (nowMs: number, more: object = {}) => ({
  agentId: 'sage',
  tool: 'look',
  arguments: {},
  isHighRisk: false,
  source: '127.0.0.1',
  nowMs,
  ...more,
});
const signals = (book: ThreatBook, nowMs: number) => book.assess(call(nowMs)).reasons.map(({ signal }) => signal);

describe('what an agent did lately', () => {
  test('an agent without a past and with plain arguments is no threat', () => {
    expect(new ThreatBook().assess(call(0))).toEqual({ score: 0, reasons: [] });
  });

  test('refusals count for five minutes, by their number', () => {
    const book = new ThreatBook();
    const after = (refusals: number) => {
      for (let count = 0; count < refusals; count += 1) book.refused('sage', 'shut_down', MINUTE);
      return book.assess(call(MINUTE + 1)).reasons.find(({ signal }) => signal === 'brute-force')?.score;
    };
    expect(after(3)).toBeUndefined();
    expect(after(1)).toBeCloseTo(0.24);
    expect(after(2)).toBeCloseTo(0.42);
    expect(after(5)).toBeCloseTo(0.6);
    expect(signals(book, 5 * MINUTE)).toContain('brute-force');
    expect(signals(book, 6 * MINUTE)).not.toContain('brute-force');
  });

  test('who is refused many different tools over and over is blocked, and let in again when it stops', () => {
    const book = new ThreatBook();
    for (let tool = 0; tool < 13; tool += 1) book.refused('sage', `tool-${tool}`, MINUTE);
    expect(book.assess(call(MINUTE)).score).toBeGreaterThan(0.8);
    expect(book.assess(call(12 * MINUTE)).score).toBe(0);
  });

  test('being fast, new, failing and privileged together does not block', () => {
    const book = new ThreatBook();
    for (let failed = 0; failed < 50; failed += 1) book.failed('sage', 1);
    for (let count = 0; count < 10_000; count += 1) book.assess(call(1));
    const { score, reasons } = book.assess(call(2, { source: '192.0.2.4', isHighRisk: true }));
    expect(reasons.map(({ signal }) => signal).toSorted()).toEqual(['failures', 'high-risk', 'new-place', 'pace']);
    expect(score).toBeLessThan(0.8);
  });

  test('an agent that always works fast has a pace of its own', () => {
    const book = new ThreatBook();
    for (let minute = 1; minute <= 30; minute += 1) {
      for (let count = 0; count < 300; count += 1) book.assess(call(minute * MINUTE));
    }
    expect(signals(book, 31 * MINUTE)).toEqual([]);
  });

  test('another agent has nothing of it', () => {
    const book = new ThreatBook();
    for (let tool = 0; tool < 13; tool += 1) book.refused('sage', `tool-${tool}`, MINUTE);
    expect(book.assess(call(MINUTE, { agentId: 'magi' })).score).toBe(0);
  });
});

test('doubts add up without ever passing 1', () => {
  const book = new ThreatBook();
  for (let tool = 0; tool < 13; tool += 1) book.refused('sage', `tool-${tool}`, 1);
  const { score, reasons } = book.assess(call(1, { arguments: { id: "1' OR '1'='1" } }));
  expect(reasons[0]).toMatchObject({ signal: 'arguments:sql-injection', at: 'id' });
  expect(score).toBeGreaterThan(0.95);
  expect(score).toBeLessThanOrEqual(1);
});

test('a million agents leave as many as it remembers, and not the busiest are forgotten', () => {
  const book = new ThreatBook({ maxAgents: 1_000 });
  for (let tool = 0; tool < 13; tool += 1) book.refused('sage', `tool-${tool}`, 1);
  for (let agent = 0; agent < 1_000_000; agent += 1) {
    book.assess(call(2, { agentId: `agent-${agent}` }));
    if (agent % 400 === 0) book.assess(call(2));
  }
  expect(book.size).toBe(1_000);
  expect(book.assess(call(3)).score).toBeGreaterThan(0.8);
});

test('tokens that are none, from the same address, raise a doubt and shut nobody out', () => {
  const book = new ThreatBook();
  const from = (source: string) => book.assess(call(MINUTE, { source })).reasons.map(({ signal }) => signal);
  expect(from('127.0.0.1')).toEqual([]);
  for (let guess = 0; guess < 1_000; guess += 1) book.loginFailed('127.0.0.1', MINUTE);
  expect(from('127.0.0.1')).toContain('failed-logins');
  expect(book.assess(call(MINUTE, { source: '127.0.0.1' })).score).toBeLessThanOrEqual(0.4);
  expect(book.assess(call(7 * MINUTE, { source: '127.0.0.1' })).score).toBe(0);
  for (let source = 0; source < 100_000; source += 1) book.loginFailed(`10.0.${source}`, 8 * MINUTE);
  expect(book.assess(call(8 * MINUTE, { source: '127.0.0.1' })).score).toBe(0);
});
