import { describe, expect, test } from 'vitest';
import { type Action, Ledger } from '../../../src/governance/index.ts';
import { council, DAY_MS, feed, type Pen, pens, set } from '../../support/voters.ts';

const WHY = 'the river is rising and nobody else is awake';

function village() {
  const ledger = new Ledger(council);
  const voters = pens();
  const approve = (id: string, ...by: Pen[]) => feed(ledger, ...by.map((pen) => pen.commit(id, 'approve')));
  const value = (key: string) => ledger.policy().entries.get(key)?.value;
  return { ledger, approve, value, ...voters };
}
const overlayOf = (ledger: Ledger) =>
  ledger.policy().overlay.map(({ kind, inForce, ended }) => ({ kind, inForce, ended }));

describe('the king’s overlay', () => {
  test('approves what is not decided, until sage and curator say otherwise', () => {
    const { ledger, king, sage, curator, value } = village();
    const plan = sage.propose('major_change', [set('fog.vote_above', 4)]);
    const override = king.write('override', { proposal: plan.id, action: 'approve', justification: WHY });
    feed(ledger, plan, override);
    expect(ledger.proposal(plan.id)?.outcome).toBe('approved_override');
    expect(value('fog.vote_above')).toBe(4);
    for (const pen of [sage, curator])
      feed(ledger, pen.write('commit', { proposal: override.id, ratifies: true, value: 'abstain' }));
    expect(overlayOf(ledger)).toEqual([{ kind: 'approve', inForce: false, ended: 'lapsed' }]);
    expect(value('fog.vote_above')).toBe(8);
  });

  test('suppresses a decision without unravelling what builds on it', () => {
    const { ledger, king, sage, curator, approve, value } = village();
    const first = sage.propose('major_change', [set('fog.vote_above', 4)]);
    feed(ledger, first);
    approve(first.id, sage, curator);
    feed(ledger, king.write('override', { proposal: first.id, action: 'suppress', justification: WHY }));
    expect(value('fog.vote_above')).toBe(8);
    expect(ledger.proposal(first.id)?.standing).toBe('suppressed');
    const next = sage.propose('major_change', [set('fog.vote_above', 5, first.id)]);
    feed(ledger, next);
    approve(next.id, sage, curator);
    expect(value('fog.vote_above')).toBe(5);
  });

  test('ends by a major decision that sage and curator make alone', () => {
    const { ledger, king, sage, curator, approve, value } = village();
    const act = king.propose('emergency_action', [set('fog.vote_above', 1)]);
    feed(ledger, act);
    approve(act.id, king);
    expect(value('fog.vote_above')).toBe(1);
    const revoke = sage.propose('major_change', [{ op: 'revoke', entry: act.id }]);
    feed(ledger, revoke);
    approve(revoke.id, sage, curator);
    expect(value('fog.vote_above')).toBe(8);
    king.ts += DAY_MS;
    const again = king.propose('emergency_action', [set('fog.vote_above', 1)]);
    feed(ledger, again);
    approve(again.id, king);
    expect(value('fog.vote_above'), 'what the others took back is not laid again').toBe(8);
  });

  test.each<[string, Action]>([
    ['a level that votes are cast with', set('agents.levels.sage', 'READ_ONLY')],
    ['a level given at GOVERNANCE', set('agents.levels.gardener', 'GOVERNANCE')],
    ['who may vote', set('permissions.tools.governance_vote.level', 'EMERGENCY')],
    ['how often one may vote', set('rates.governance_vote.per_minute', 0)],
    ['a quarantine of who votes', set('threat.quarantined', ['sword', 'sage'])],
    ['the constitution', set('constitution.thresholds', 1)],
  ])('does not reach %s: not by emergency, not by override, not by a major change', (_what, action) => {
    const { ledger, king, sage, curator, approve } = village();
    const key = action.op === 'set' ? action.key : '';
    const act = king.propose('emergency_action', [action]);
    const major = sage.propose('major_change', [action]);
    const critical = sage.propose('critical_change', [action]);
    feed(ledger, act, major, critical);
    approve(act.id, king);
    approve(major.id, sage, curator);
    king.ts += DAY_MS;
    feed(ledger, king.write('override', { proposal: critical.id, action: 'approve', justification: WHY }));
    expect(ledger.proposal(act.id)?.invalid).toBe('not-for-emergencies');
    expect(ledger.proposal(major.id)?.invalid).toBe('type-too-low');
    expect(overlayOf(ledger)).toEqual([{ kind: 'approve', inForce: false, ended: 'void' }]);
    expect(ledger.policy().entries.has(key)).toBe(false);
  });

  test('evicts no node that holds a voter’s key, whatever it approves', () => {
    const { ledger, king, sage, value } = village();
    const eviction = sage.propose('major_change', [set('nodes.evicted', ['stranger', 'home of sage'])]);
    feed(ledger, sage.write('home', { node: 'home of sage' }), eviction);
    feed(ledger, king.write('override', { proposal: eviction.id, action: 'approve', justification: WHY }));
    expect(value('nodes.evicted')).toEqual(['stranger']);
  });

  test('is the king’s alone, once a minute, and once for one proposal', () => {
    const { ledger, king, sage } = village();
    const plan = sage.propose('major_change', [set('fog.vote_above', 4)]);
    const other = sage.propose('major_change', [set('knowledge.retention_days', 4)]);
    const body = (proposal: string) => ({ proposal, action: 'approve' as const, justification: WHY });
    feed(ledger, plan, other, sage.write('override', body(plan.id)), king.write('override', body(plan.id)));
    feed(ledger, king.write('override', body(other.id)));
    king.ts += 60_000;
    feed(ledger, king.write('override', body(plan.id)));
    expect(overlayOf(ledger)).toEqual([
      { kind: 'approve', inForce: true, ended: undefined },
      { kind: 'approve', inForce: false, ended: 'void' },
      { kind: 'approve', inForce: false, ended: 'void' },
    ]);
  });

  test('comes to the same in every order of arrival', () => {
    const { king, sage, curator } = pens();
    const plan = sage.propose('major_change', [set('fog.vote_above', 4)]);
    const laid = king.write('override', { proposal: plan.id, action: 'suppress', justification: WHY });
    const statements = [plan, laid, sage.commit(plan.id, 'approve'), curator.commit(plan.id, 'approve')];
    const ratification = [sage, curator].map((pen) =>
      pen.write('commit', { proposal: laid.id, ratifies: true, value: 'approve' }),
    );
    const roots = new Set<string>();
    for (let turn = 0; turn < 6; turn += 1) {
      const ledger = new Ledger(council);
      const all = [...statements, ...ratification];
      for (const statement of [...all.slice(turn), ...all.slice(0, turn)].reverse()) ledger.add(statement);
      roots.add(`${ledger.policy().root} ${ledger.policy().overlay[0]?.ratified}`);
    }
    expect([...roots]).toEqual([expect.stringMatching(/ true$/)]);
  });
});

describe('a hold', () => {
  const hold = (pen: Pen, kind: 'node' | 'agent', id: string) =>
    pen.write('hold', { target: { kind, id }, justification: WHY });

  test('is in force at once, and lapses when two others let it', () => {
    const { ledger, sage, curator, king } = village();
    const held = hold(sage, 'node', 'stranger');
    feed(ledger, held);
    expect([...ledger.policy().held.node]).toEqual(['stranger']);
    for (const pen of [curator, king])
      feed(ledger, pen.write('commit', { proposal: held.id, ratifies: true, value: 'reject' }));
    expect([...ledger.policy().held.node]).toEqual([]);
    feed(ledger, hold(sage, 'node', 'stranger'));
    expect([...ledger.policy().held.node], 'one hold for one target').toEqual([]);
  });

  test('never reaches a voter or the node that holds its key, also when the home is told later', () => {
    const { ledger, sage, curator } = village();
    feed(ledger, hold(sage, 'agent', 'curator'), hold(sage, 'node', 'home of curator'));
    expect([...ledger.policy().held.node]).toEqual(['home of curator']);
    feed(ledger, curator.write('home', { node: 'home of curator' }));
    expect([...ledger.policy().held.node, ...ledger.policy().held.agent]).toEqual([]);
  });

  test('and an eviction by less than all leave a voter’s home where it is', () => {
    const { ledger, sage, curator, king, approve, value } = village();
    feed(ledger, curator.write('home', { node: 'home of curator' }));
    const out = sage.propose('major_change', [set('nodes.evicted', ['home of curator', 'stranger'])]);
    feed(ledger, out);
    approve(out.id, sage, king);
    expect(value('nodes.evicted')).toEqual(['stranger']);
    const byAll = sage.propose('critical_change', [set('nodes.evicted', ['home of curator'], out.id)]);
    feed(ledger, byAll);
    approve(byAll.id, sage, king, curator);
    expect(value('nodes.evicted')).toEqual(['home of curator']);
  });

  test('is taken back by who laid it', () => {
    const { ledger, sage, curator } = village();
    const held = hold(sage, 'node', 'stranger');
    feed(ledger, held, curator.write('revoke', { entry: held.id }));
    expect(ledger.policy().held.node.size).toBe(1);
    feed(ledger, sage.write('revoke', { entry: held.id }));
    expect(overlayOf(ledger)).toEqual([{ kind: 'hold', inForce: false, ended: 'withdrawn' }]);
  });
});
