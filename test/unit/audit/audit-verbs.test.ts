import { expect, test } from 'vitest';
import { AuditLog } from '../../../node/audit/index.ts';
import { auditVerbs } from '../../../node/verbs/index.ts';
import { headSigner, NODE, recordOf, VILLAGE } from '../../support/audit.ts';
import { MemoryLog } from '../../support/memory-log.ts';

test('an export has what was recorded before it was asked for, on disk or not', async () => {
  const signer = headSigner();
  const owner = { villageId: VILLAGE, nodeId: NODE, issuerKey: signer.issuerKey };
  const reporter = { report: () => undefined };
  const limits = { lazyMs: 60_000 };
  const log = await AuditLog.open({ ...owner, store: new MemoryLog(), sign: signer.sign, reporter, limits });
  const anchors = { ofOurs: async () => ({ anchors: [], alone: true }), ofNode: async () => [] };
  const verbs = auditVerbs(log.store, { ...owner, anchors, settled: () => log.settled() });
  log.record(recordOf({ target: 'echo' }));
  const targets: unknown[] = [];
  for await (const entry of verbs['audit.export']({}, { signal: AbortSignal.timeout(5_000) })) {
    targets.push((entry as { target?: unknown }).target);
  }
  expect(targets).toContain('echo');
  await log.stop();
});
