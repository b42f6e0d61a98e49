import { describe, expect, test } from 'vitest';
import { Ledger, verifyCertificate } from '../../../src/governance/index.ts';
import { council, feed, NET, pens, set } from '../../support/voters.ts';

describe('the ledger', () => {
  test('enforces a major change that two of three commit, and proves it', () => {
    const ledger = new Ledger(council);
    const { sage, curator, king } = pens();
    const change = sage.propose('major_change', [set('knowledge.retention_days', 90)]);
    feed(ledger, change, curator.commit(change.id, 'approve'));
    expect(ledger.proposal(change.id)?.outcome).toBe('open');
    expect(ledger.policy().entries.get('knowledge.retention_days')).toBeUndefined();
    feed(ledger, king.commit(change.id, 'approve'));
    expect(ledger.proposal(change.id)).toMatchObject({ outcome: 'approved', standing: 'in-force', required: 2 });
    expect(ledger.policy().entries.get('knowledge.retention_days')).toMatchObject({
      value: 90,
      version: 1,
      base: change.id,
    });
    const certificate = ledger.certificate(change.id);
    expect(verifyCertificate(JSON.parse(JSON.stringify(certificate)), { net: NET })).toMatchObject({
      kind: 'valid',
      outcome: 'approved',
      signers: ['curator', 'king'],
    });
  });
});
