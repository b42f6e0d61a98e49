import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { codeOf, Council, days, forever, kid, retention, thumbprintOf, value } from '../support/council.ts';
import {
  GovernanceNetwork,
  statementBy,
  type TestNode,
  villageId,
  type VoterName,
} from '../support/governance-network.ts';
import { keypair } from '../support/keypair.ts';
import { NOW_MS } from '../support/small-village.ts';

let net: GovernanceNetwork;
beforeEach(() => {
  net = new GovernanceNetwork();
});
afterEach(() => net.stop());

const { during, propose, vote, row } = new Council(() => net);
const DAY = 24 * 3_600_000;
const justification = 'It sends what it was never asked for';

const hold = (node: TestNode, by: VoterName, target: { kind: 'node' | 'token' | 'agent'; id: string }) =>
  during(node.governance.hold({ target, justification }, node.as(by), forever));
const takeBack = (node: TestNode, by: VoterName, id: string) =>
  during(node.governance.takeBack({ id }, node.as(by), forever));
const isHeld = (nodes: readonly TestNode[], agent: string) => nodes.map(({ policy }) => policy().isAgentHeld(agent));

describe('a hold', () => {
  test('is in force everywhere at once, and over when its voter takes it back', async () => {
    const nodes = await row();
    const [a, b] = nodes;
    const laid = value(await hold(a, 'sage', { kind: 'agent', id: 'gardener' }));
    expect(laid).toMatchObject({ status: 'voting_ongoing', required_votes: 2, proposer: 'sage' });
    expect(isHeld(nodes, 'gardener')).toEqual([true, true, true, true]);
    expect(codeOf(await takeBack(b, 'curator', laid.proposal_id))).toBe('NOT_YOURS');
    expect(value(await takeBack(a, 'sage', laid.proposal_id))).toMatchObject({
      status: 'rejected',
      reason: 'withdrawn',
    });
    expect(isHeld(nodes, 'gardener')).toEqual([false, false, false, false]);
    expect(a.governance.timeline(laid.proposal_id).map(({ what }) => what)).toEqual([
      `held back agent gardener: ${justification}`,
      'took it back',
      'it ended: withdrawn',
    ]);
  });

  test('changes what caches go by', async () => {
    const [a] = await row();
    const before = a.policy().root;
    await hold(a, 'sage', { kind: 'token', id: 'ab'.repeat(32) });
    expect(a.policy().root).not.toBe(before);
    expect(a.policy().isAgentHeld('local', 'ab'.repeat(32))).toBe(true);
  });

  test('stays when the others approve it, and lapses when nobody does before its deadline', async () => {
    const nodes = await row();
    const [a, b, c] = nodes;
    const kept = value(await hold(a, 'sage', { kind: 'agent', id: 'gardener' }));
    await vote(b, 'curator', kept.proposal_id);
    await vote(c, 'king', kept.proposal_id);
    value(await hold(b, 'curator', { kind: 'agent', id: 'merchant' }));
    expect(isHeld(nodes, 'merchant')).toEqual([true, true, true, true]);
    await net.jump(DAY + 60_000);
    await net.pass(60_000);
    expect(isHeld(nodes, 'merchant')).toEqual([false, false, false, false]);
    expect(isHeld(nodes, 'gardener')).toEqual([true, true, true, true]);
    expect(codeOf(await hold(b, 'curator', { kind: 'agent', id: 'merchant' }))).toBe('HELD_BEFORE');
  });

  test('reaches no voter, no node with a voter’s key, and nothing twice', async () => {
    const [a, b, , d] = await row();
    expect(codeOf(await hold(a, 'sage', { kind: 'agent', id: 'king' }))).toBe('NOT_FOR_HOLDS');
    expect(codeOf(await hold(a, 'sage', { kind: 'node', id: b.nodeId }))).toBe('NOT_FOR_HOLDS');
    value(await hold(a, 'sage', { kind: 'node', id: d.nodeId }));
    expect(b.policy().isNodeHeld(d.nodeId)).toBe(true);
    expect(codeOf(await hold(b, 'curator', { kind: 'node', id: d.nodeId }))).toBe('HELD_ALREADY');
    expect(codeOf(await hold(d, 'sage', { kind: 'agent', id: 'x' }))).toBe('KEY_NOT_HERE');
  });

  test('of a voter’s token is none', async () => {
    const [a, b] = await row();
    value(await hold(a, 'sage', { kind: 'token', id: 'cd'.repeat(32) }));
    expect(b.policy().isAgentHeld('king', 'cd'.repeat(32))).toBe(false);
  });
});

describe('a proposal', () => {
  test('that its proposer withdraws is rejected by whoever has not committed', async () => {
    const [a, b, c] = await row();
    const { proposal_id: id } = await propose(a, 'sage');
    expect(codeOf(await takeBack(b, 'curator', id))).toBe('NOT_YOURS');
    value(await takeBack(a, 'sage', id));
    await net.pass(2_000);
    expect(c.governance.proposal(id)).toMatchObject({ status: 'rejected' });
    expect(codeOf(await vote(c, 'king', id))).toBe('ALREADY_DECIDED');
    expect(codeOf(await takeBack(a, 'sage', id))).toBe('ALREADY_DECIDED');
  });

  test('to expel a voter needs the proof that it contradicted itself', async () => {
    const [a] = await row();
    const expel = {
      ...retention(1),
      type: 'critical_change',
      configUpdates: {},
      change: { kind: 'expel', voter: 'king' } as const,
    };
    expect(codeOf(await during(a.governance.propose(expel, a.as('sage'), forever)))).toBe('NO_EVIDENCE');
  });

  test('to expel a voter who contradicted itself leaves the others to decide', async () => {
    const [a, b, c, d] = await row();
    const { proposal_id: id } = await propose(a, 'sage');
    c.keys.names.delete('king'); // the thief has the key now
    await net.pass(1_000);
    const last = (await c.governance.released('king')) as { readonly seq: number; readonly head: string };
    for (const [more, choice] of ['approve', 'reject'].entries()) {
      const body = { proposal: id, value: choice };
      const envelope = { v: 1, net: villageId, ep: 0, kind: 'commit', voter: 'king', seq: last.seq + 1 + more };
      const token = statementBy('king', kid('king'), { ...envelope, prev: null, ts: net.wallMs(), body });
      expect(await d.governance.bring(token)).toMatchObject({ status: 'taken' });
    }
    await net.pass(1_000);
    expect(a.reports.of('governance.equivocation').length).toBeGreaterThan(0);
    const expel = {
      ...retention(1),
      title: 'Expel king',
      type: 'critical_change',
      configUpdates: {},
      change: { kind: 'expel', voter: 'king' } as const,
      autoVote: true,
    };
    const { proposal_id: expelling } = value(await during(a.governance.propose(expel, a.as('sage'), forever)));
    await vote(b, 'curator', expelling);
    await net.pass(15 * 60_000); // critical changes cool off
    await net.pass(60_000);
    expect(Object.keys(d.governance.rules().voters).sort()).toEqual(['curator', 'sage']);
    expect(d.governance.rules().epoch).toBe(1);
  });
});

describe('a voter who lost the key', () => {
  const fresh = keypair(54);
  const candidate = () => {
    const payload = JSON.stringify({ ep: 0, key: fresh.x, net: villageId, voter: 'king' });
    const header = JSON.stringify({ alg: 'Ed25519', kid: thumbprintOf(fresh.x), typ: 'village-gov-key+jws' });
    return { kind: 'recover', voter: 'king', key: fresh.x, proof: fresh.jwsOf(header, payload) } as const;
  };
  const recovery = (proof = candidate().proof) => ({
    title: 'Another key for king',
    description: 'The laptop is at the bottom of the lake',
    type: 'critical_change',
    configUpdates: {},
    change: { ...candidate(), proof },
    autoVote: true,
  });

  test('gets another by the two others, after a silence of three days', async () => {
    const [a, b, c, d] = await row();
    net.cut(b, c);
    net.cut(c, d);
    net.connect(b, d);
    expect(codeOf(await during(a.governance.propose(recovery('a.b.c'), a.as('sage'), forever)))).toBe('BAD_KEY_PROOF');
    const intent = value(await during(a.governance.propose(recovery(), a.as('sage'), forever)));
    await vote(b, 'curator', intent.proposal_id);
    await net.pass(15 * 60_000);
    expect(d.governance.proposal(intent.proposal_id)).toMatchObject({ status: 'approved' });
    expect(d.governance.rules().voters['king']?.key).not.toBe(fresh.x);

    for (let day = 0; day < 4; day += 1) await net.jump(DAY);
    const final = value(await during(a.governance.propose(recovery(), a.as('sage'), forever)));
    expect(final.proposal_id).not.toBe(intent.proposal_id);
    await vote(b, 'curator', final.proposal_id);
    await net.pass(15 * 60_000);
    await net.jump(2 * DAY);
    await net.pass(60_000);
    expect(d.governance.rules()).toMatchObject({ epoch: 1, voters: { king: { key: fresh.x } } });
    expect(d.policy().agentOf('king')?.key).toBe(fresh.x);
    // What was decided before and after goes on.
    const { proposal_id: next } = await propose(a, 'sage', retention(60));
    await vote(a, 'sage', next);
    await vote(b, 'curator', next);
    expect(days(d)).toBe(60);
  });
});

describe('what was signed elsewhere', () => {
  test('counts whoever brings it, and is told to all at once', async () => {
    const [a, , , d] = await row();
    const { proposal_id: id } = await propose(a, 'sage');
    const { next } = d.governance.rules().voters['king'] ?? { next: {} };
    const { kid: signer, ...envelope } = next as { readonly kid: string };
    const body = { proposal: id, value: 'approve', reasoning: 'from my own device' };
    const token = statementBy('king', signer, { ...envelope, kind: 'vote', ts: NOW_MS + 9_000, body });
    expect(await d.governance.bring(token)).toMatchObject({ status: 'taken' });
    expect(await d.governance.bring(token)).toMatchObject({ status: 'known' });
    expect(await d.governance.bring(token.slice(0, -8))).toMatchObject({ status: 'refused' });
    await net.settle();
    expect(a.governance.proposal(id)?.votes['king']).toMatchObject({ vote: 'approve' });
  });
});

test('whatever an emergency stops, voters propose, vote and hear of each other', async () => {
  const [a, b, c, d] = await row();
  const stop = {
    title: 'Stop everything',
    description: justification,
    type: 'emergency_action',
    configUpdates: { 'emergency.blocked': ['*'] },
    autoVote: true,
  };
  value(await during(c.governance.propose(stop, c.as('king'), forever)));
  expect(d.policy().value('emergency.blocked')).toEqual(['*']);
  const { proposal_id: id } = await propose(a, 'sage', retention(77));
  await vote(a, 'sage', id);
  await vote(b, 'curator', id);
  expect([a, b, c, d].map(days)).toEqual([77, 77, 77, 77]);
});
