import { describe, expect, test } from 'vitest';
import { recordEvents } from '../../../node/audit/index.ts';
import { createEventBus } from '../../../node/telemetry/index.ts';
import { type AuditRecord, EMPTY_RECORD, FloodGate } from '../../../src/audit/index.ts';
import { echoRequest, linked, outgoing, type Port } from '../../support/mux-peers.ts';

async function refusedBy(serving: Port, calls = 1) {
  const both = await linked({ serving });
  for (let call = 0; call < calls; call += 1) await both.asking.session.call(outgoing(both.clock, echoRequest('hi')));
  both.asking.session.abort();
  return both.serving.refused;
}

/** What the audit log is given when these are reported. */
function recorded(refused: Awaited<ReturnType<typeof refusedBy>>): AuditRecord[] {
  const bus = createEventBus();
  const records: AuditRecord[] = [];
  recordEvents(bus, { record: (record) => void records.push(record) });
  for (const one of refused) bus.report('peer.denied', { peer: 'node-c', ...one });
  return records;
}

describe('a call that is refused before it begins is on the serving node’s record', () => {
  test('with whom the peer claims to speak for and why it may not', async () => {
    const forged: Port = { accept: () => ({ kind: 'refused', because: 'no-grant', agentId: 'sage' }) };
    const [record, ...more] = recorded(await refusedBy(forged));
    expect(more).toEqual([]);
    expect(record).toEqual({
      ...EMPTY_RECORD,
      kind: 'refusal',
      callId: expect.stringMatching(/^[0-9a-f]{32}$/),
      agentId: 'sage',
      server: 'everything',
      target: 'echo',
      peer: 'node-c',
      outcome: 'denied',
      reason: 'no-grant',
    });
  });

  test('when nothing could be read of its delegation, and when there is no room', async () => {
    const unread = await refusedBy({ accept: () => ({ kind: 'refused', because: 'malformed' }) });
    expect(recorded(unread)).toMatchObject([{ reason: 'malformed', agentId: '', target: 'echo' }]);
    const both = await linked({ maxInFlight: 0 });
    await both.asking.session.call(outgoing(both.clock, echoRequest('hi')));
    expect(recorded(both.serving.refused)).toMatchObject([{ reason: 'busy', server: 'everything' }]);
  });

  test('and hundreds of them are few entries with a count', async () => {
    const forged: Port = { accept: () => ({ kind: 'refused', because: 'no-grant', agentId: 'sage' }) };
    const gate = new FloodGate();
    const records = recorded(await refusedBy(forged, 200));
    const singly = records.filter((record) => gate.admits(record, 0));
    const [summary, ...more] = gate.due(0, { everything: true });
    expect(singly.length + (summary?.count ?? 0)).toBe(200);
    expect(summary).toMatchObject({ agentId: 'sage', peer: 'node-c', reason: 'no-grant', target: 'echo' });
    expect([singly.length, more]).toEqual([8, []]);
  });
});
