import { beforeEach, describe, expect, test } from 'vitest';
import type { BackendReply } from '../../../node/backends/backend.ts';
import { success } from '../../../node/backends/reply.ts';
import type { Job } from '../../../node/router/job.ts';
import { Pipeline } from '../../../node/router/pipeline.ts';
import { Recorder } from '../../../node/router/recorder.ts';
import type { AuditRecord } from '../../../src/audit/index.ts';
import type { Permission } from '../../../src/permissions/index.ts';
import { agentNamed } from '../../support/router-network.ts';

const REPLY = success(1, { done: true });
const FREE: Permission = { level: 'READ_ONLY', auditRequired: false };
const POLICY = {
  version: 0,
  root: '',
  value: () => undefined,
  permissionFor: () => undefined,
  levelOf: () => undefined,
  isEvicted: () => false,
  isHeld: () => false,
  isRevoked: () => false,
};

let recorded: AuditRecord[];
/** What a durable record waits for. */
let disk: PromiseWithResolvers<undefined>;
let pipeline: Pipeline;

beforeEach(() => {
  recorded = [];
  disk = Promise.withResolvers();
  const audit = {
    record: (record: AuditRecord) => void recorded.push(record),
    recordDurably: (record: AuditRecord) => (recorded.push(record), disk.promise),
    failure: undefined,
    room: () => undefined,
  };
  const reporter = { report: () => undefined };
  const clock = { now: () => 0, chance: () => 0 };
  const policy = () => POLICY as never;
  const limits = () => ({
    perAgentPerMinute: 1000,
    perNodePerSecond: 1000,
    callTimeoutMs: 1000,
    maxInFlightPerAgent: 2,
    maxInFlightPerPeer: 3,
  });
  const recorder = new Recorder({ audit, reporter, clock, policy });
  const brought = { take: () => 0, takeWhole: () => 0 };
  const rates = { take: () => 0, broughtBy: () => brought };
  pipeline = new Pipeline({ rates, limits, policy, votes: undefined, reporter }, { recorder });
});

function job(permission: Permission = FREE, agent = 'ann'): Job {
  const context = { principal: agentNamed(agent), era: 'session', callId: Buffer.alloc(16), deadlineAt: 1000 } as const;
  return {
    side: 'call',
    request: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'look', arguments: {} } },
    context: { ...context, signal: new AbortController().signal },
    server: 'p2p',
    target: 'look',
    permission,
    scope: { server: undefined, name: 'look' },
    called: 'look',
    peer: '',
    sourceIp: '',
    argumentsHash: '',
    began: 0,
  };
}

describe('a call through the pipeline', () => {
  test('is answered at once where nobody waits, and is on record by then', () => {
    expect(pipeline.perform(job(), () => REPLY)).toBe(REPLY);
    expect(recorded.map(({ outcome }) => outcome)).toEqual(['ok']);
    expect(pipeline.callsInFlight).toBe(0);
  });

  test('counts as in flight until its work is done', async () => {
    const work = Promise.withResolvers<BackendReply>();
    const ended = pipeline.perform(job(), () => work.promise);
    expect([pipeline.callsInFlight, recorded.length]).toEqual([1, 0]);
    work.resolve(REPLY);
    expect(await ended).toBe(REPLY);
    expect([pipeline.callsInFlight, recorded.length]).toEqual([0, 1]);
  });

  test.each([
    ['at once', () => REPLY],
    ['later', async () => REPLY],
  ])('that must be on disk counts until it is, whether answered %s', async (_when, work) => {
    const ended = pipeline.perform(job({ ...FREE, auditRequired: true }), work);
    const winner = await Promise.race([Promise.resolve(ended).then(() => 'answered'), Promise.resolve('waits')]);
    expect([winner, pipeline.callsInFlight]).toEqual(['waits', 1]);
    disk.resolve(undefined);
    expect(await ended).toBe(REPLY);
    expect(pipeline.callsInFlight).toBe(0);
  });

  test('leaves no count behind when its work breaks, at once or later', async () => {
    const breaks = () => {
      throw new Error('broken');
    };
    expect(() => pipeline.perform(job(), breaks)).toThrow('broken');
    expect(pipeline.callsInFlight).toBe(0);
    await expect(pipeline.perform(job(), async () => breaks())).rejects.toThrow('broken');
    expect(pipeline.callsInFlight).toBe(0);
  });

  test('is refused beyond what its agent may have in flight, and no other agent’s is', async () => {
    const work = Promise.withResolvers<BackendReply>();
    const running = [1, 2].map(() => pipeline.perform(job(), () => work.promise));
    const third = job();
    const refused = (await pipeline.perform(third, () => REPLY)) as BackendReply;
    expect([refused.outcome, third.refused?.reason]).toEqual(['denied', 'in-flight']);
    expect(pipeline.perform(job(FREE, 'bob'), () => REPLY)).toBe(REPLY);
    work.resolve(REPLY);
    for (const one of running) await one;
    expect(pipeline.perform(job(), () => REPLY)).toBe(REPLY);
  });
});
