import { describe, expect, test } from 'vitest';
import { Attention, decideToSign, signingObstacle, Ledger, type Payload } from '../../../src/governance/index.ts';
import { BORN_MS, council, DAY_MS, feed, Pen, pens, set } from '../../support/voters.ts';

function node(voter: 'sage' | 'curator' | 'king' = 'sage') {
  const ledger = new Ledger(council);
  const attention = new Attention();
  let wallMs = BORN_MS + 10_000;
  let monoMs = 0;
  const next = (final: string[] = []) =>
    decideToSign(voter, { ledger, attention, clock: { wallMs, monoMs }, final: new Set(final) });
  const pass = (ms: number, { wall = ms } = {}) => {
    monoMs += ms;
    wallMs += wall;
  };
  return { ledger, next, pass, ...pens() };
}
const commits = (value: string, because?: string) => [
  { kind: 'commit', body: expect.objectContaining({ value, ...(because === undefined ? {} : { because }) }) },
];

describe('a voter’s node', () => {
  test('commits an approval once enough others want it too', () => {
    const { ledger, next, sage, curator } = node();
    const plan = sage.propose('major_change', [set('fog.vote_above', 4)]);
    feed(ledger, plan, sage.vote(plan.id, 'approve'));
    expect(next()).toEqual([]);
    feed(ledger, curator.vote(plan.id, 'approve'));
    expect(next()).toEqual(commits('approve'));
    feed(ledger, sage.commit(plan.id, 'approve'));
    expect(next(), 'a register is written once').toEqual([]);
  });

  test('commits at once where it is asked to, or where one is enough', () => {
    const { ledger, next, sage } = node();
    const plan = sage.propose('major_change', [set('fog.vote_above', 4)]);
    feed(ledger, plan, sage.vote(plan.id, 'reject'));
    expect(next([plan.id])).toEqual(commits('reject'));
    const note = sage.propose('minor_change', [set('display.village_name', 'x')]);
    feed(ledger, sage.commit(plan.id, 'reject'), note, sage.vote(note.id, 'approve'));
    expect(next()).toEqual(commits('approve'));
  });

  test('lets a critical change cool off first', () => {
    const { ledger, next, pass, sage, curator, king } = node();
    const rule = sage.propose('critical_change', [set('rule.a', 4)]);
    feed(ledger, rule, ...[sage, curator, king].map((pen) => pen.vote(rule.id, 'approve')));
    expect(next()).toEqual([]);
    pass(9 * 60_000);
    expect(next()).toEqual([]);
    pass(60_000);
    expect(next()).toEqual(commits('approve'));
  });

  test('does not count an approval with conditions', () => {
    const { ledger, next, pass, sage, curator } = node();
    const plan = sage.propose('major_change', [set('fog.vote_above', 4)]);
    const vote = sage.write('vote', { proposal: plan.id, value: 'approve', conditions: ['only on Mondays'] });
    feed(ledger, plan, vote, curator.vote(plan.id, 'approve'));
    expect(next()).toEqual([]);
    pass(DAY_MS + 20_000);
    expect(next()).toEqual(commits('abstain', 'no-vote'));
  });

  test('abstains when the deadline has passed on both of its clocks, and on one of them does not', () => {
    const { ledger, next, pass, sage, curator } = node();
    const plan = curator.propose('major_change', [set('fog.vote_above', 4)]);
    feed(ledger, plan);
    expect(next()).toEqual([]);
    pass(60_000, { wall: 3 * DAY_MS });
    expect(next(), 'a wall clock that jumped').toEqual([]);
    pass(DAY_MS);
    expect(next()).toEqual(commits('abstain', 'no-vote'));
    const late = node();
    feed(late.ledger, plan);
    late.next();
    late.pass(60_000, { wall: 3 * DAY_MS });
    const said = late.king.write('vote', { proposal: plan.id, value: 'reject' }, {
      ts: BORN_MS + 2 * DAY_MS,
    } as Partial<Payload>);
    feed(late.ledger, said);
    expect(late.next(), 'another voter’s clock agrees').toEqual(commits('abstain', 'no-vote'));
    expect(sage.voter).toBe('sage');
  });

  test('does not wait for a deadline that a clock of another season set', () => {
    const { ledger, next, pass, king } = node();
    king.ts += 400 * DAY_MS;
    const plan = king.propose('major_change', [set('fog.vote_above', 4)]);
    feed(ledger, plan);
    expect(next()).toEqual([]);
    pass(DAY_MS + 3_700_000);
    expect(next()).toEqual(commits('abstain', 'no-vote'));
  });

  test('approves one of two rivals, and another when the first is rejected', () => {
    const { ledger, next, sage, curator, king } = node();
    const one = sage.propose('major_change', [set('fog.vote_above', 4)]);
    const two = curator.propose('major_change', [set('fog.vote_above', 2)]);
    feed(
      ledger,
      one,
      two,
      sage.commit(one.id, 'approve'),
      sage.vote(two.id, 'approve'),
      curator.vote(two.id, 'approve'),
    );
    expect(next()).toEqual(commits('reject', 'slot-conflict'));
    feed(ledger, curator.commit(one.id, 'reject'), king.commit(one.id, 'reject'));
    expect(next()).toEqual(commits('approve'));
  });

  test('refuses what builds on a version that is gone, and waits for one it has not heard of', () => {
    const { ledger, next, sage, curator, king } = node();
    const first = curator.propose('major_change', [set('fog.vote_above', 4)]);
    const stale = curator.propose('major_change', [set('fog.vote_above', 2)]);
    const ahead = king.propose('major_change', [set('fog.vote_above', 3, 'd'.repeat(64))]);
    feed(ledger, first, curator.commit(first.id, 'approve'), king.commit(first.id, 'approve'), ahead);
    for (const pen of [sage, curator]) feed(ledger, pen.vote(ahead.id, 'approve'));
    expect(next()).toEqual([]);
    feed(ledger, stale);
    for (const pen of [sage, curator]) feed(ledger, pen.vote(stale.id, 'approve'));
    expect(next()).toEqual(commits('reject', 'stale-base'));
  });

  test('rejects what its proposer takes back', () => {
    const { ledger, next, curator, king } = node();
    const plan = curator.propose('major_change', [set('fog.vote_above', 4)]);
    feed(ledger, plan, king.write('withdraw', { proposal: plan.id }));
    expect(next()).toEqual([]);
    feed(ledger, curator.write('withdraw', { proposal: plan.id }));
    expect(next()).toEqual(commits('reject', 'withdrawn'));
  });

  test('signs nothing else between its fence and the next epoch', () => {
    const { ledger, next, sage, curator, king } = node();
    const changes = { cool_off_ms: { minor_change: 1, major_change: 1, critical_change: 1, emergency_action: 1 } };
    const amend = sage.propose('critical_change', [{ op: 'amend', base: 'genesis', changes, proofs: [] }]);
    feed(ledger, amend, ...[sage, curator, king].map((pen) => pen.commit(amend.id, 'approve')));
    const [act] = next();
    expect(act).toMatchObject({ kind: 'fence', body: { change: amend.id, without: null } });
    const note = sage.propose('minor_change', [set('display.village_name', 'x')]);
    feed(ledger, note, sage.vote(note.id, 'approve'));
    const fence = (pen: typeof sage) =>
      pen.write('fence', { change: amend.id, heads: [...ledger.tips()], without: null });
    feed(ledger, fence(sage));
    expect(signingObstacle('sage', { ledger })).toBe('frozen');
    expect(signingObstacle('king', { ledger })).toBeUndefined();
    expect(signingObstacle('gardener', { ledger })).toBe('not-a-voter');
    expect(next()).toEqual([]);
    feed(ledger, fence(curator), fence(king));
    expect(ledger.epoch().ep).toBe(1);
    expect(ledger.proposal(note.id)?.outcome).toBe('dropped');
  });

  test('replaces a lost key after three days of silence, and not after a word from who was thought lost', () => {
    for (const silent of [true, false]) {
      const { ledger, next, pass, sage, curator, king } = node();
      const lost = new Pen('curator', 72);
      const recover = {
        op: 'recover',
        base: 'genesis',
        voter: 'curator',
        key: lost.key,
        proof: lost.proof(0),
      } as const;
      const intent = sage.propose('critical_change', [{ ...recover, intent: null }]);
      feed(ledger, intent, sage.commit(intent.id, 'approve'), king.commit(intent.id, 'approve'));
      next();
      pass(2 * DAY_MS);
      king.ts += 3 * DAY_MS;
      const final = king.propose('critical_change', [{ ...recover, intent: intent.id }]);
      feed(ledger, final, sage.vote(final.id, 'approve'), king.vote(final.id, 'approve'));
      next();
      pass(3_600_000);
      expect(next(), 'too early').toEqual([]);
      pass(DAY_MS - 1_800_000);
      curator.ts = intent.payload.ts + DAY_MS;
      if (!silent) feed(ledger, curator.write('home', { node: 'still here' }));
      expect(next()).toEqual(silent ? commits('approve') : []);
    }
  });
});
