import { type Action, GENESIS, type ProposalType, type Statement } from '../../../src/governance/index.ts';
import type { SimNode } from './node.ts';
import { forge, lie, strayNote } from './adversary.ts';
import { DAY_MS, HOUR_MS, KEYS, proofOf, VOTERS } from './village.ts';
import type { World } from './world.ts';

const WORDS = 'for a reason that is long enough';

export type Move = keyof typeof MOVES;

/** What may happen in a village. Each does nothing where it makes no sense. */
export const MOVES = {
  proposeNote: (world: World) => propose(world, 'minor_change', 'note.a'),
  proposeNoteByTwo: (world: World) => propose(world, 'major_change', 'note.a'),
  /** A voter whose node does not look: a note on a version that may be long gone, committed at once. */
  lateNote: (world: World) => {
    const by = voterNode(world);
    const any = world.chance.pick([GENESIS, ...by.ledger.decisions().map(({ id }) => id)]) ?? GENESIS;
    const base = world.chance.happens(0.7) ? beneath(by) : any;
    const late = draft(
      world,
      by,
      'minor_change',
      [{ op: 'set', key: 'note.a', base, value: world.chance.below(100) }],
      0,
    );
    if (late !== undefined && world.act(by, 'commit', { proposal: late.id, value: 'approve' }))
      world.count('late note');
  },
  /** One writes a note, and all put a plan of theirs on top of it. */
  noteTogether: (world: World): void => {
    world.heal();
    MOVES.wake(world);
    const by = voterNode(world);
    const base = by.ledger.policy().entries.get('note.a')?.base ?? GENESIS;
    const note = draft(
      world,
      by,
      'minor_change',
      [{ op: 'set', key: 'note.a', base, value: world.chance.below(100) }],
      1,
    );
    world.tick();
    MOVES.syncAll(world);
    if (note === undefined) return;
    const plan = draft(world, by, 'major_change', [{ op: 'set', key: 'note.a', base: note.id, value: 1 }], 1);
    MOVES.syncAll(world);
    if (plan === undefined) return;
    for (const node of world.voters)
      if (node.ledger.has(plan.id)) world.act(node, 'vote', { proposal: plan.id, value: 'approve' });
    MOVES.syncAll(world);
    MOVES.syncAll(world);
  },
  /** All agree on new rules, and say so. */
  amendTogether: (world: World): void => {
    if (world.chance.happens(0.8)) {
      world.heal();
      MOVES.wake(world);
      MOVES.syncAll(world);
    }
    const by = voterNode(world);
    const action = rotation(by, world.chance.pick(VOTERS) ?? 'sage');
    const proposal = action === undefined ? undefined : draft(world, by, 'critical_change', [action]);
    if (proposal === undefined) return;
    MOVES.syncAll(world);
    for (const node of world.voters)
      if (node.ledger.has(proposal.id)) world.act(node, 'vote', { proposal: proposal.id, value: 'approve' });
    if (world.chance.happens(0.7)) MOVES.syncAll(world);
    pass(world, HOUR_MS);
    if (world.chance.happens(0.5)) MOVES.syncAll(world);
  },
  /** Two who are left agree, first that a voter is lost, and when days have passed that another key takes its seat. */
  recoverTogether: (world: World): void => {
    world.heal();
    MOVES.wake(world);
    MOVES.syncAll(world);
    const rest = world.voters.filter((node) => node.up && !world.gone.has(node));
    const before = world.nodes[0]?.ledger.epoch().ep ?? 0;
    for (let stage = 0; stage < 2; stage += 1) {
      MOVES.recover(world);
      MOVES.syncAll(world);
      for (const node of rest) {
        for (const id of node.ledger.openProposals()) {
          if (node.ledger.proposal(id)?.body.actions[0]?.op === 'recover')
            world.act(node, 'vote', { proposal: id, value: 'approve' });
        }
      }
      MOVES.syncAll(world);
      pass(world, HOUR_MS);
      MOVES.syncAll(world);
      pass(world, 4 * DAY_MS);
    }
    MOVES.syncAll(world);
    const [first] = world.nodes;
    const ended = first?.ledger
      .epochs()
      .slice(before)
      .map(({ end }) => first.ledger.proposal(end?.change ?? ''));
    if (ended?.some((one) => one?.body.actions[0]?.op === 'recover')) world.count('voter replaced');
  },
  proposePlan: (world: World) => propose(world, 'major_change', world.chance.happens(0.6) ? 'plan.a' : 'plan.b'),
  proposeRule: (world: World) => propose(world, 'critical_change', 'rule.a'),
  proposeTooLow: (world: World) =>
    propose(world, world.chance.pick(['minor_change', 'major_change']) ?? 'minor_change', 'rule.a'),
  proposeEviction: (world: World) => propose(world, 'major_change', 'nodes.evicted', [world.chance.pick(VOTERS) ?? '']),
  emergency: (world: World) => {
    const king = world.node('king');
    const act = propose(
      world,
      'emergency_action',
      world.chance.pick(['plan.a', 'note.a']) ?? 'plan.a',
      undefined,
      king,
    );
    if (act === undefined) return;
    world.act(king, 'vote', { proposal: act.id, value: 'approve' });
    world.final.add(act.id);
  },
  vote,
  changeVote,
  ratify,
  override: (world: World) => {
    const proposal = anyProposal(world);
    const action = world.chance.pick(['approve', 'suppress'] as const) ?? 'approve';
    if (proposal === undefined) return;
    const king = world.node('king');
    const plain = king.ledger.get(proposal)?.payload;
    const sent = world.act(king, 'override', { proposal, action, justification: WORDS });
    if (sent !== undefined && plain?.kind === 'proposal') world.count(`override ${action}`);
  },
  hold: (world: World) => {
    const target = world.chance.pick([
      ...VOTERS.map((id) => ({ kind: 'agent' as const, id })),
      ...VOTERS.map((id) => ({ kind: 'node' as const, id: `home of ${id}` })),
      { kind: 'node' as const, id: 'stranger' },
    ]);
    const by = voterNode(world);
    if (target !== undefined && world.act(by, 'hold', { target, justification: WORDS })) world.count('hold');
  },
  revoke: (world: World) => {
    const by = voterNode(world);
    const entry = world.chance.pick(by.ledger.policy().overlay.filter((one) => one.by === by.voter));
    if (entry !== undefined && world.act(by, 'revoke', { entry: entry.id })) world.count('revoke');
  },
  proposeRevoke: (world: World) => {
    const by = voterNode(world);
    const entry = world.chance.pick(by.ledger.policy().overlay.filter((one) => one.inForce));
    if (entry !== undefined) draft(world, by, 'major_change', [{ op: 'revoke', entry: entry.id }]);
  },
  withdraw: (world: World) => {
    const by = voterNode(world);
    const own = world.chance.pick(
      by.ledger.openProposals().filter((id) => by.ledger.proposal(id)?.proposer === by.voter),
    );
    if (own !== undefined && world.act(by, 'withdraw', { proposal: own })) world.count('withdrawal');
  },
  rotate: (world: World) => {
    const by = voterNode(world);
    const voter = world.chance.pick(VOTERS) ?? 'sage';
    const action = rotation(by, voter);
    if (action !== undefined) draft(world, by, 'critical_change', [action]);
  },
  amend: (world: World) => {
    const by = voterNode(world);
    const hours = world.chance.between(20, 30);
    const all = hours * HOUR_MS;
    const period_ms = { minor_change: all, major_change: all, critical_change: all, emergency_action: all };
    draft(world, by, 'critical_change', [
      { op: 'amend', base: by.ledger.epoch().base, changes: { period_ms }, proofs: [] },
    ]);
  },
  expel: (world: World) => {
    const by = voterNode(world);
    const proof = by.ledger.evidence().find((one) => one.about === 'register');
    const [one, other] = proof?.statements ?? [];
    const voter = proof?.voter ?? world.chance.pick(VOTERS) ?? 'sage';
    const some = by.disk[0];
    const evidence: [string, string] = [one?.token ?? some?.token ?? 'x', other?.token ?? some?.token ?? 'x'];
    draft(world, by, 'critical_change', [{ op: 'expel', base: by.ledger.epoch().base, voter, evidence }]);
  },
  recover: (world: World): void => {
    const by = voterNode(world);
    const { base, ep, rules } = by.ledger.epoch();
    const intents = by.ledger.decisions().filter((one) => one.ep === ep && one.actions[0]?.op === 'recover');
    const intent = world.chance.pick(intents);
    const action = intent?.actions[0];
    if (intent !== undefined && action?.op === 'recover' && world.chance.happens(0.8)) {
      draft(world, by, 'critical_change', [{ ...action, intent: intent.id }]);
      return;
    }
    // Sometimes one that names an intent nobody approved.
    const named = world.chance.happens(0.15)
      ? (by.ledger.proposals().find((one) => one.body.actions[0]?.op === 'recover')?.id ?? null)
      : null;
    const lost = [...world.gone].map(({ name }) => name);
    const voter = lost[0] ?? world.chance.pick(VOTERS.filter((name) => name !== by.voter)) ?? 'sage';
    const key = (KEYS[voter] ?? []).find(({ kid }) => ![...rules.kids.values()].includes(kid));
    if (key === undefined) return;
    draft(world, by, 'critical_change', [
      { op: 'recover', base, voter, key: key.x, proof: proofOf(key, ep), intent: named },
    ]);
  },
  /** A call that needed a vote, now and then the same again under another proposal. */
  proposeCall: (world: World) => {
    const by = voterNode(world);
    const node = world.chance.pick(world.nodes)?.name ?? 'observer';
    const nonce = `n${world.chance.below(6)}`;
    draft(world, by, 'minor_change', [{ op: 'call', node, agent: 'gardener', tool: 'dig', arguments: {}, nonce }]);
  },
  forge,
  lie,
  strayNote,
  deliver: (world: World) => {
    for (let count = world.chance.between(1, 6); count > 0; count -= 1) world.deliver();
    if (world.chance.happens(0.7)) world.tick();
  },
  sync: (world: World) => {
    const [to, from] = [world.chance.pick(world.nodes), world.chance.pick(world.nodes)];
    if (to !== undefined && from !== undefined && to !== from)
      world.sync(to, from, world.chance.happens(0.3) ? 3 : undefined);
  },
  syncAll: (world: World): void => {
    for (const to of world.nodes) for (const from of world.nodes) if (to !== from) world.sync(to, from);
    world.tick();
  },
  seconds: (world: World) => pass(world, world.chance.between(1_000, 90_000)),
  hours: (world: World) => pass(world, world.chance.between(HOUR_MS, 9 * HOUR_MS)),
  day: (world: World) => pass(world, DAY_MS + 2 * HOUR_MS),
  days: (world: World) => pass(world, 4 * DAY_MS),
  crash: (world: World) => world.crash(world.chance.pick(world.nodes) ?? world.node('observer')),
  wake: (world: World): void => {
    for (const node of world.nodes) if (!node.up) world.wake(node);
  },
  vanish: (world: World) => {
    if (world.gone.size === 0) world.vanish(voterNode(world));
  },
  copy: (world: World) => world.copy(voterNode(world)),
  restore: (world: World) => world.restore(voterNode(world)),
  cut: (world: World) => world.cut(),
  heal: (world: World) => world.heal(),
} as const;

/** The version that the note below a voted note replaced: where a rival hurts most. */
function beneath({ ledger }: SimNode): string {
  const baseOf = (id: string | undefined): string | undefined => {
    const write = ledger.proposal(id ?? '')?.body.actions.find((one) => one.op === 'set' && one.key === 'note.a');
    return write?.op === 'set' ? write.base : undefined;
  };
  const current = ledger.policy().entries.get('note.a')?.base;
  return baseOf(baseOf(current)) ?? GENESIS;
}

function pass(world: World, ms: number): void {
  world.advance(ms);
  world.tick();
}

function voterNode(world: World): SimNode {
  return world.chance.pick(world.voters) ?? world.node('sage');
}

function anyProposal(world: World): string | undefined {
  return world.chance.pick(world.node('king').ledger.proposals())?.id;
}

function propose(
  world: World,
  type: ProposalType,
  key: string,
  value: number | string[] = world.chance.below(100),
  by: SimNode = voterNode(world),
): Statement | undefined {
  const { ledger } = by;
  // Now and then on a version that was replaced, as a voter who slept would.
  const older = world.chance.pick(ledger.decisions())?.id;
  const current = ledger.policy().entries.get(key)?.base ?? GENESIS;
  const base = world.chance.happens(0.12) ? (older ?? GENESIS) : current;
  const list = Array.isArray(value) ? value.map((name) => `home of ${name}`) : value;
  return draft(world, by, type, [{ op: 'set', key, base, value: list }]);
}

function draft(world: World, by: SimNode, type: ProposalType, actions: Action[], likes = 0.75): Statement | undefined {
  const body = { type, title: 'a change', description: WORDS, actions, deadline: 0 };
  const proposal = world.act(by, 'proposal', body);
  if (proposal === undefined) return undefined;
  world.count(`proposal ${actions[0]?.op}`);
  if (by.ledger.rivalsOf(proposal.id, actions[0] as Action).length > 0) world.count('rival proposals');
  if (world.chance.happens(likes)) world.act(by, 'vote', { proposal: proposal.id, value: 'approve' });
  return proposal;
}

function rotation(by: SimNode, voter: string): Action | undefined {
  const { rules, base, ep } = by.ledger.epoch();
  const key = (KEYS[voter] ?? []).find(({ kid }) => ![...rules.kids.values()].includes(kid));
  if (key === undefined || !rules.voters.has(voter)) return undefined;
  const voters = { ...Object.fromEntries(rules.voters), [voter]: key.x };
  return { op: 'amend', base, changes: { voters }, proofs: [proofOf(key, ep)] };
}

function vote(world: World): void {
  const by = voterNode(world);
  const proposal = world.chance.pick(by.ledger.openProposals());
  if (proposal === undefined) return;
  const op = by.ledger.proposal(proposal)?.body.actions[0]?.op;
  const likes = op === 'amend' || op === 'expel' || op === 'recover' ? 30 : 7;
  const value = world.chance.weighted({ approve: likes, reject: 2, abstain: 1 });
  if (world.act(by, 'vote', { proposal, value })) world.count('vote');
}

/** The case that a rule without commits gets wrong: somebody thinks again after others saw enough. */
function changeVote(world: World): void {
  const by = voterNode(world);
  const own = by.ledger.openProposals().flatMap((id) => {
    const known = by.ledger.proposal(id);
    return known?.votes[by.voter ?? ''] === undefined ? [] : [known];
  });
  const known = world.chance.pick(own);
  const before = known?.votes[by.voter ?? '']?.payload.body.value;
  if (known === undefined || before === undefined) return;
  const approvals = Object.values(known.votes).filter((one) => one.payload.body.value === 'approve').length;
  const value = before === 'approve' ? 'reject' : 'approve';
  if (world.act(by, 'vote', { proposal: known.id, value }) === undefined) return;
  world.count('changed vote');
  if (before === 'approve' && approvals >= known.required) world.count('changed vote after support');
}

function ratify(world: World): void {
  const by = voterNode(world);
  const entry = world.chance.pick(by.ledger.policy().overlay.filter((one) => one.inForce && !one.ratified));
  if (entry === undefined) return;
  const value = world.chance.pick(['approve', 'reject'] as const) ?? 'reject';
  if (world.act(by, 'vote', { proposal: entry.id, ratifies: true, value })) world.count('vote on an overlay entry');
}
