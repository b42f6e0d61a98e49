import { expect, test } from 'vitest';
import { AdmissionGate } from '../../../node/host/admission-gate.ts';
import { HostError } from '../../../node/host/host-error.ts';
import type { AdmittedPeer } from '../../../node/host/index.ts';

const peer = (nodeId: string, bootSeq = 1): AdmittedPeer => ({
  nodeId,
  bootSeq,
  since: 0,
  membership: {
    nodeId,
    issuerKey: new Uint8Array(32),
    may: { host: true, invite: false, issue: 'OPERATOR' },
    expiresAtMs: 1,
    chain: [],
    depth: 1,
  },
});
const gone = new HostError('NODE_UNREACHABLE', 'gone');
const within = (ms = 1_000) => AbortSignal.timeout(ms);

test('a peer is nobody until it is admitted, and nobody again when it is dropped', () => {
  const gate = new AdmissionGate();
  expect([gate.accepts('a'), gate.isAdmitted('a')]).toEqual([false, false]);
  gate.verified('a');
  expect([gate.accepts('a'), gate.isAdmitted('a')]).toEqual([true, false]);
  gate.admit(peer('a'));
  expect([gate.accepts('a'), gate.isAdmitted('a')]).toEqual([true, true]);
  expect(gate.drop('a', gone)).toBe(true);
  expect([gate.accepts('a'), gate.isAdmitted('a')]).toEqual([false, false]);
  expect(gate.drop('a', gone)).toBe(false);
});

test('all who wait for a peer get it when it is admitted', async () => {
  const gate = new AdmissionGate();
  const waits = [gate.waitFor('a', { signal: within() }), gate.waitFor('a', { signal: within() })];
  gate.admit(peer('a', 7));
  for (const wait of waits) expect(await wait).toMatchObject({ bootSeq: 7 });
  expect(await gate.waitFor('a', { signal: within() })).toMatchObject({ bootSeq: 7 });
});

test('a wait ends when the peer is gone, when the deadline passes, and at once when that is over already', async () => {
  const gate = new AdmissionGate();
  const left = gate.waitFor('a', { signal: within() });
  gate.drop('a', gone);
  await expect(left).rejects.toBe(gone);
  await expect(gate.waitFor('b', { signal: within(1) })).rejects.toMatchObject({ code: 'NOT_ADMITTED' });
  await expect(gate.waitFor('c', { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'NOT_ADMITTED' });
});

test('one wait that is given up leaves the others waiting', async () => {
  const gate = new AdmissionGate();
  const patient = gate.waitFor('a', { signal: within() });
  await expect(gate.waitFor('a', { signal: within(1) })).rejects.toMatchObject({ code: 'NOT_ADMITTED' });
  gate.admit(peer('a'));
  expect(await patient).toMatchObject({ nodeId: 'a' });
});

test('listeners hear who came and who left, and whether it had been in', () => {
  const gate = new AdmissionGate();
  const heard: string[] = [];
  const stop = gate.listen({
    admitted: ({ nodeId }) => heard.push(`+${nodeId}`),
    left: (nodeId, was) => heard.push(`-${nodeId} ${was}`),
  });
  gate.admit(peer('a'));
  gate.renew(peer('a'));
  gate.drop('a', gone);
  gate.drop('stranger', gone);
  stop();
  gate.admit(peer('b'));
  expect(heard).toEqual(['+a', '-a true', '-stranger false']);
});

test('a renewal reaches only who is admitted', () => {
  const gate = new AdmissionGate();
  gate.renew(peer('a'));
  expect(gate.isAdmitted('a')).toBe(false);
});
