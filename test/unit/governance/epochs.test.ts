import { describe, expect, test } from 'vitest';
import { type Action, Ledger, type PayloadOf } from '../../../src/governance/index.ts';
import { council, feed, Pen, pens, set } from '../../support/voters.ts';

const after = new Pen('curator', 72);

function village() {
  const ledger = new Ledger(council);
  const voters = pens();
  const approve = (id: string, ...by: Pen[]) => feed(ledger, ...by.map((pen) => pen.commit(id, 'approve')));
  const change = (by: Pen, action: Action) => {
    const proposal = by.propose('critical_change', [action]);
    feed(ledger, proposal);
    return proposal.id;
  };
  const fence = (by: Pen, id: string, changes: Partial<PayloadOf<'fence'>['body']> = {}) =>
    by.write('fence', { change: id, heads: [...ledger.tips()], without: null, ...changes });
  return { ledger, approve, change, fence, ...voters };
}
const rotation = (): Action => ({
  op: 'amend',
  base: 'genesis',
  changes: { voters: { ...council.voters, curator: after.key } },
  proofs: [after.proof(0)],
});
const slower: Action = {
  op: 'amend',
  base: 'genesis',
  changes: { cool_off_ms: { minor_change: 1, major_change: 1, critical_change: 1, emergency_action: 1 } },
  proofs: [],
};

describe('an epoch', () => {
  test('ends when all have approved and all have fenced, and not before', () => {
    const { ledger, approve, change, fence, sage, curator, king } = village();
    const id = change(sage, slower);
    approve(id, sage, curator);
    expect(ledger.closing()).toBeUndefined();
    approve(id, king);
    feed(ledger, fence(sage, id), fence(curator, id));
    expect(ledger.epoch().ep).toBe(0);
    feed(ledger, fence(king, id));
    expect(ledger.epoch()).toMatchObject({ ep: 1, base: id });
  });

  test('keeps what was decided, drops what was not, and counts nothing signed after a fence', () => {
    const { ledger, approve, change, fence, sage, curator, king } = village();
    const done = sage.propose('major_change', [set('fog.vote_above', 4)]);
    const half = sage.propose('major_change', [set('knowledge.retention_days', 4)]);
    feed(ledger, done, half, sage.commit(half.id, 'approve'));
    approve(done.id, sage, king);
    const id = change(sage, slower);
    approve(id, sage, curator, king);
    feed(ledger, ...[sage, curator, king].map((pen) => fence(pen, id)));
    feed(ledger, curator.commit(half.id, 'approve'));
    expect(ledger.proposal(done.id)?.outcome).toBe('approved');
    expect(ledger.proposal(half.id)?.outcome).toBe('dropped');
    expect(ledger.policy().entries.get('fog.vote_above')?.value).toBe(4);
  });

  test('ends without one voter when the two others say so, and not by one alone', () => {
    const { ledger, approve, change, fence, sage, curator, king } = village();
    const id = change(sage, slower);
    approve(id, sage, curator, king);
    feed(ledger, fence(sage, id), fence(sage, id, { without: 'king' }), fence(sage, id, { without: 'curator' }));
    expect(ledger.epoch().ep).toBe(0);
    feed(ledger, fence(curator, id), fence(curator, id, { without: 'king' }));
    expect(ledger.epochs()[0]?.end?.without).toBe('king');
    expect(ledger.epoch().ep).toBe(1);
  });

  test('does not wait for a fence that rests on what nobody has', () => {
    const { ledger, approve, change, fence, sage, curator, king } = village();
    const id = change(sage, slower);
    approve(id, sage, curator, king);
    feed(ledger, fence(sage, id), fence(curator, id), fence(king, id, { heads: ['e'.repeat(64)] }));
    expect(ledger.epoch().ep).toBe(0);
    expect(ledger.wanted()).toContain('e'.repeat(64));
    feed(ledger, fence(sage, id, { without: 'king' }), fence(curator, id, { without: 'king' }));
    expect(ledger.epoch().ep).toBe(1);
  });

  test('closes only where everything its fences rest on is known', () => {
    const { ledger, approve, change, fence, sage, curator, king } = village();
    const id = change(sage, slower);
    const missing = king.propose('minor_change', [set('display.village_name', 'x')]);
    approve(id, sage, curator, king);
    feed(ledger, ...[sage, curator, king].map((pen) => fence(pen, id)));
    expect(ledger.epoch().ep).toBe(0);
    expect(ledger.wanted()).toEqual([missing.id]);
    feed(ledger, missing);
    expect(ledger.epoch().ep).toBe(1);
  });

  test('hands a seat to a key that says it is held, after the old key has fenced', () => {
    const { ledger, approve, change, fence, sage, curator, king } = village();
    const id = change(sage, rotation());
    approve(id, sage, curator, king);
    const early = fence(sage, id);
    feed(ledger, early, fence(king, id));
    expect(ledger.closing()?.signed.get(null), 'those who stay come after those who leave').toBeUndefined();
    feed(ledger, fence(curator, id));
    feed(ledger, fence(sage, id), fence(king, id));
    expect(ledger.epoch().rules.voters.get('curator')).toBe(after.key);
    const late = curator.propose('minor_change', [set('display.village_name', 'x')], {});
    expect(ledger.ingest(curator.sign({ ...late.payload, ep: 1 }).token)).toMatchObject({ because: 'not-a-voter' });
  });

  test.each<[string, Action]>([
    ['a key without its own word', { ...rotation(), proofs: [] } as Action],
    ['a word given for another epoch', { ...rotation(), proofs: [after.proof(1)] } as Action],
    [
      'a majority that is none',
      {
        op: 'amend',
        base: 'genesis',
        changes: { thresholds: { minor_change: 1, major_change: 1, critical_change: 3, emergency_action: 1 } },
        proofs: [],
      },
    ],
    ['nobody', { op: 'amend', base: 'genesis', changes: { voters: {} }, proofs: [] }],
    [
      'one key twice',
      {
        op: 'amend',
        base: 'genesis',
        changes: { voters: { ...council.voters, curator: council.voters['sage'] ?? '' } },
        proofs: [],
      },
    ],
    ['another epoch as its base', { ...slower, base: 'a'.repeat(64) } as Action],
    ['evidence that is none', { op: 'expel', base: 'genesis', voter: 'king', evidence: ['x', 'y'] }],
  ])('is not ended by a change with %s', (_what, action) => {
    const { ledger, approve, change, sage, curator, king } = village();
    const id = change(sage, action);
    approve(id, sage, curator, king);
    expect(ledger.proposal(id)).toMatchObject({ outcome: 'invalid', invalid: 'bad-change' });
    expect(ledger.closing()).toBeUndefined();
  });

  test('expels who contradicted itself, by the two others', () => {
    const { ledger, approve, change, fence, sage, curator, king } = village();
    const plan = sage.propose('major_change', [set('fog.vote_above', 4)]);
    const [yes, no] = [king.commit(plan.id, 'approve'), king.commit(plan.id, 'reject')];
    feed(ledger, plan, yes, no);
    const id = change(sage, { op: 'expel', base: 'genesis', voter: 'king', evidence: [yes.token, no.token] });
    approve(id, sage);
    expect(ledger.proposal(id)).toMatchObject({ outcome: 'open', required: 2, voters: ['sage', 'curator'] });
    approve(id, curator);
    feed(ledger, fence(sage, id), fence(curator, id));
    expect([...ledger.epoch().rules.voters.keys()]).toEqual(['sage', 'curator']);
    expect(ledger.epoch().rules.overseer).toBeUndefined();
    const innocent = change(sage, { op: 'expel', base: id, voter: 'curator', evidence: [yes.token, no.token] });
    expect(ledger.proposal(innocent)?.outcome).not.toBe('approved');
  });

  test('replaces a lost key in two steps, and not in one', () => {
    const { ledger, approve, change, fence, sage, king } = village();
    const recover = (intent: string | null): Action => ({
      op: 'recover',
      base: 'genesis',
      voter: 'curator',
      key: after.key,
      proof: after.proof(0),
      intent,
    });
    const bold = change(sage, recover('f'.repeat(64)));
    approve(bold, sage, king);
    expect(ledger.closing()).toBeUndefined();
    const intent = change(sage, recover(null));
    approve(intent, sage, king);
    expect(ledger.closing()).toBeUndefined();
    const final = change(king, recover(intent));
    approve(final, sage, king);
    feed(ledger, fence(sage, final), fence(king, final));
    expect(ledger.epoch()).toMatchObject({ ep: 1, base: final });
    expect(ledger.epoch().rules.voters.get('curator')).toBe(after.key);
  });
});

describe('a closed epoch', () => {
  /** Curator's and king's keys were replaced; then whoever has the old ones goes on signing with them. */
  function rotated() {
    const parts = village();
    const { approve, change, fence, ledger, sage, curator, king } = parts;
    const keys = [new Pen('curator', 72), new Pen('king', 73)];
    const voters = { ...council.voters, ...Object.fromEntries(keys.map(({ voter, key }) => [voter, key])) };
    const proofs = keys.map((pen) => pen.proof(0));
    const id = change(sage, { op: 'amend', base: 'genesis', changes: { voters }, proofs });
    approve(id, sage, curator, king);
    feed(ledger, fence(curator, id), fence(king, id));
    feed(ledger, fence(sage, id));
    expect(ledger.epoch()).toMatchObject({ ep: 1, base: id });
    return { ...parts, id };
  }
  test.each([
    ['goes on after its fence', undefined],
    ['forks before it', { seq: 1, prev: null }],
  ])('is not ended otherwise by keys that were replaced, whose log %s', (_, fork) => {
    const { ledger, approve, change, fence, curator, king, id } = rotated();
    if (fork !== undefined) for (const pen of [curator, king]) Object.assign(pen, fork);
    const intent = change(curator, recovery('sage', null));
    approve(intent, curator, king);
    const final = change(king, recovery('sage', intent));
    approve(final, curator, king);
    feed(ledger, fence(curator, final, { heads: [] }), fence(king, final, { heads: [] }));
    expect(ledger.epochs()[0]?.end?.change).toBe(id);
    expect(ledger.epoch().rules.voters.get('sage')).toBe(council.voters['sage']);
  });

  test('lets nothing in later, though one who stays fences it again', () => {
    const { ledger, approve, fence, sage, curator, id } = rotated();
    const late = curator.propose('minor_change', [set('display.village_name', 'taken')]);
    feed(ledger, late);
    approve(late.id, curator);
    feed(ledger, fence(sage, id));
    expect(ledger.proposal(late.id)?.outcome).toBe('dropped');
    expect(ledger.evidence().find(({ about }) => about === 'register')?.voter).toBe('sage');
  });

  test('that was closed without one voter is not opened by that voter’s word', () => {
    const { ledger, approve, change, fence, sage, curator, king } = village();
    const id = change(sage, slower);
    approve(id, sage, curator, king);
    for (const pen of [sage, curator]) feed(ledger, fence(pen, id, { without: 'king' }));
    expect(ledger.epochs()[0]?.end?.without).toBe('king');
    const late = king.propose('minor_change', [set('display.village_name', 'late')]);
    feed(ledger, late);
    approve(late.id, king);
    feed(ledger, fence(king, id, { without: 'king' }));
    expect(ledger.proposal(late.id)?.outcome).toBe('dropped');
  });

  test('gives way to a removal that was approved before anybody fenced', () => {
    const { ledger, approve, change, fence, sage, curator, king } = village();
    const id = change(sage, slower);
    approve(id, sage, curator);
    const intent = change(sage, recovery('king', null));
    approve(intent, sage, curator);
    const final = change(curator, recovery('king', intent));
    approve(final, sage, curator);
    approve(id, king);
    feed(ledger, ...[sage, curator, king].map((pen) => fence(pen, id)));
    expect(ledger.epochs()[0]?.end?.change).toBe(id);
    feed(ledger, fence(sage, final), fence(curator, final));
    expect(ledger.epochs()[0]?.end?.change).toBe(final);
  });
});

function recovery(voter: string, intent: string | null): Action {
  const key = new Pen(voter, 99);
  return { op: 'recover', base: 'genesis', voter, key: key.key, proof: key.proof(0), intent };
}
