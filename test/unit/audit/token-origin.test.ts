import { expect, test } from 'vitest';
import { AuditLog, tokenOrigin } from '../../../node/audit/index.ts';
import { type AuditRecord, EMPTY_RECORD } from '../../../src/audit/index.ts';
import { headSigner, NODE, VILLAGE } from '../../support/audit.ts';
import { MemoryLog } from '../../support/memory-log.ts';

const ID = 'ab'.repeat(32);
const OTHER = 'cd'.repeat(32);
const signal = new AbortController().signal;

async function originIn(records: readonly Partial<AuditRecord>[]) {
  const store = new MemoryLog();
  const reporter = { report: () => undefined };
  const { sign } = headSigner();
  const log = await AuditLog.open({ store, villageId: VILLAGE, nodeId: NODE, sign, reporter, now: Date.now });
  for (const record of records) log.record({ ...EMPTY_RECORD, ...record });
  await log.stop();
  return tokenOrigin(store, ID, { signal });
}

const issued = { kind: 'administration', method: 'token', tokenId: ID } as const;
const called = { kind: 'call', method: 'tools/call', tokenId: ID, outcome: 'ok' } as const;
const served = { kind: 'serve', method: 'tools/call', tokenId: ID, peer: 'peer-1', outcome: 'ok' } as const;

test.each([
  ['what was minted here', [issued], { kind: 'here' }],
  ['what an agent got from the token endpoint', [{ ...issued, method: 'oauth.token' }], { kind: 'here' }],
  ['what somebody called with here', [called], { kind: 'here' }],
  ['what a peer brought calls under', [served], { kind: 'peer', nodeId: 'peer-1' }],
  ['what a peer only claims to have issued', [issued, served, served], { kind: 'here' }],
  ['what was refused to be minted', [{ ...issued, outcome: 'denied' }], { kind: 'unknown' }],
  ['what an operator only named', [{ ...issued, method: 'revoke.token' }], { kind: 'unknown' }],
  ['another token', [{ ...issued, tokenId: OTHER, target: ID }], { kind: 'unknown' }],
  ['nothing', [], { kind: 'unknown' }],
] as const)('%s says whose token it is', async (_what, records, origin) => {
  expect(await originIn(records)).toEqual(origin);
});
