import { expect, test } from 'vitest';
import { MAX_CONNECTIONS } from '../../../node/peers/index.ts';
import { ThreatRecords } from '../../../node/router/threat-records.ts';

function quarantine(records: ThreatRecords, peer: string, agentId: string): void {
  for (let nth = 0; nth < 5; nth += 1) records.of(peer).quarantine.blocked(agentId, 1);
}
const held = (records: ThreatRecords, peer: string) => records.quarantined(2).filter((one) => one.peer === peer).length;

test('a peer that names many agents crowds out none but its own', () => {
  const records = new ThreatRecords();
  quarantine(records, '', 'ann');
  quarantine(records, 'node-b', 'ann');
  for (let nth = 0; nth < 20_000; nth += 1) {
    quarantine(records, 'liar', `agent-${nth}`);
    records.of('liar').book.failed(`agent-${nth}`, 1);
  }
  expect(held(records, 'liar')).toBe(250);
  expect(records.of('liar').book.size).toBe(250);
  expect([held(records, ''), held(records, 'node-b')]).toEqual([1, 1]);
});

test('as many peers as can be connected at once, all of which call in turn, push none of each other out', () => {
  expect(MAX_CONNECTIONS).toBeGreaterThanOrEqual(300);
  const records = new ThreatRecords();
  for (let nth = 0; nth < MAX_CONNECTIONS; nth += 1) quarantine(records, `peer-${nth}`, 'ann');
  for (let round = 0; round < 3; round += 1) {
    for (let nth = 0; nth < MAX_CONNECTIONS; nth += 1) {
      expect(records.of(`peer-${nth}`).quarantine.holds('ann', 2)).toBe(true);
    }
  }
  expect(records.quarantined(2)).toHaveLength(MAX_CONNECTIONS);
});

test('of many peers those are remembered that were there last, and what is known at this node stays', () => {
  const records = new ThreatRecords();
  quarantine(records, '', 'ann');
  quarantine(records, 'busy', 'ann');
  for (let nth = 0; nth < 5_000; nth += 1) {
    quarantine(records, `peer-${nth}`, 'ann');
    if (nth % 50 === 0) records.of('busy');
  }
  expect(records.quarantined(2)).toHaveLength(1 + 512);
  expect([held(records, ''), held(records, 'busy'), held(records, 'peer-0')]).toEqual([1, 1, 0]);
});
