import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { announcementOf, readAnnouncement } from '../../protocols/governance/index.ts';
import { MemoryStore } from '../../node/storage/index.ts';
import { codeOf, Council, days, forever, kid, retention, value } from '../support/council.ts';
import { GovernanceNetwork, statementBy, villageId } from '../support/governance-network.ts';
import { NOW_MS } from '../support/small-village.ts';
import { verifies } from '../support/verifies.ts';

const DAY = 24 * 3_600_000;
let net: GovernanceNetwork;
beforeEach(() => {
  net = new GovernanceNetwork();
});
afterEach(() => net.stop());

const { during, propose, vote, row } = new Council(() => net);

describe('a decision', () => {
  test('is made by two votes of three, in force on every node, shown with its proof and with who applied it', async () => {
    const [a, b, c, d] = await row();
    const { proposal_id: id, status } = await propose(a, 'sage');
    expect(status).toBe('created');
    expect(value(await vote(b, 'curator', id))).toMatchObject({ status: 'voting_ongoing', votes_for: 1 });
    expect(value(await vote(c, 'king', id))).toMatchObject({ status: 'approved', votes_for: 2 });
    expect([a, b, c, d].map(days)).toEqual([90, 90, 90, 90]);
    await net.pass(1_000);
    for (const node of [a, b, c, d]) {
      const [policy] = node.governance.policies({ key: 'knowledge.retention_days', includeHistory: true });
      expect(policy).toMatchObject({ value: 90, version: 1, decided_by: id, certificate_id: id });
      expect(policy?.applied_by).toEqual([a, b, c, d].map(({ nodeId }) => nodeId).sort());
      expect(policy?.history?.map((one) => one.value)).toEqual([30, 90]);
      expect(node.governance.certificate(id)).toMatchObject({ net: villageId, outcome: 'approved' });
    }
  });

  test('is refused to whoever is no voter, asks at another node, or comes with an old token', async () => {
    const [a] = await row();
    const asked = (agent: string, changes = {}) => a.governance.propose(retention(90), a.as(agent, changes), forever);
    expect(codeOf(await asked('gardener'))).toBe('NOT_A_VOTER');
    const elsewhere = await asked('curator');
    const next = { net: villageId, ep: 0, voter: 'curator', seq: 2, kid: kid('curator') };
    expect(elsewhere).toMatchObject({ refusal: { code: 'KEY_NOT_HERE', detail: { signed_statement: next } } });
    expect(codeOf(await asked('sage', { homeNode: 'elsewhere' }))).toBe('NOT_YOUR_NODE');
    expect(codeOf(await asked('sage', { issuedAtMs: net.wallMs() - 6 * 60_000 }))).toBe('TOKEN_TOO_OLD');
    expect(codeOf(await asked('sage'))).toBe('done');
  });

  test.each([
    ['a type below what the key needs', { type: 'minor_change' }, 'TYPE_TOO_LOW'],
    ['an emergency by somebody else than the king', { type: 'emergency_action' }, 'NOT_THE_KING'],
    ['a value that the key cannot hold', { configUpdates: { 'knowledge.retention_days': 'long' } }, 'INVALID_CHANGE'],
    ['the value that is in force', { configUpdates: { 'knowledge.retention_days': 30 } }, 'INVALID_CHANGE'],
    ['what is no key', { configUpdates: { 'no key': 1 } }, 'INVALID_CHANGE'],
    [
      'a quarantine of a name that nobody has',
      { configUpdates: { 'threat.quarantined': ['local'] } },
      'INVALID_CHANGE',
    ],
    ['a number that not all read the same', { configUpdates: { 'knowledge.weight': 0.5 } }, 'INVALID_CHANGE'],
  ])('is not proposed with %s', async (_what, changes, code) => {
    const [a] = await row();
    const request = { ...retention(90), ...changes };
    expect(codeOf(await a.governance.propose(request, a.as('sage'), forever))).toBe(code);
  });

  test('a vote may change until it is committed; the committed one stays, and a decided proposal takes no votes', async () => {
    const [a, b, c] = await row();
    const { proposal_id: id } = await propose(a, 'sage');
    await vote(b, 'curator', id);
    expect(value(await vote(b, 'curator', id, 'reject'))).toMatchObject({ status: 'voting_ongoing', votes_against: 1 });
    const second = await vote(c, 'king', id, 'reject');
    expect(value(second)).toMatchObject({ status: 'rejected', votes_against: 2 });
    await net.pass(1_000);
    expect(a.governance.proposal(id)).toMatchObject({ status: 'rejected' });
    expect(codeOf(await vote(a, 'sage', id))).toBe('ALREADY_DECIDED');
    expect(days(a)).toBe(30);
  });

  test('a final vote that decides nothing yet is committed at once, and waits for no decision', async () => {
    const [a, b, c] = await row();
    const { proposal_id: id } = await propose(a, 'sage');
    const final = { proposalId: id, vote: 'approve', reasoning: 'because', conditions: [], final: true } as const;
    const begunMs = net.wallMs();
    const answered = b.governance
      .vote(final, b.as('curator'), forever)
      .then((acted) => ({ ...value(acted), tookMs: net.wallMs() - begunMs }));
    const first = await during(answered);
    expect(first).toMatchObject({ status: 'voting_ongoing', votes: { curator: { vote: 'approve', final: true } } });
    expect(first.tookMs).toBeLessThanOrEqual(250);
    expect(value(await vote(c, 'king', id))).toMatchObject({ status: 'approved' });
  });

  test('an approval with conditions is recorded and not counted', async () => {
    const [a, b, c] = await row();
    const { proposal_id: id } = await propose(a, 'sage');
    const request = {
      proposalId: id,
      vote: 'approve',
      reasoning: 'if',
      conditions: ['only at night'],
      final: false,
    } as const;
    expect(value(await during(b.governance.vote(request, b.as('curator'), forever)))).toMatchObject({ votes_for: 0 });
    expect(value(await vote(c, 'king', id))).toMatchObject({ status: 'voting_ongoing' });
  });

  test('of a minor change is made in the same call', async () => {
    const [a] = await row();
    const request = {
      ...retention(90),
      type: 'minor_change',
      configUpdates: { 'display.village_name': 'Hamlet' },
      autoVote: true,
    };
    expect(value(await during(a.governance.propose(request, a.as('sage'), forever)))).toMatchObject({
      status: 'approved',
    });
  });

  test('without changes is a resolution that stands in the policy', async () => {
    const [a] = await row();
    const request = { ...retention(90), type: 'minor_change', configUpdates: {}, title: 'We like tea', autoVote: true };
    value(await during(a.governance.propose(request, a.as('sage'), forever)));
    expect(a.governance.policies({ key: 'notify.' }).map((policy) => policy.value)).toEqual(['We like tea']);
  });

  test('that nobody voted on expires by the voters’ own signatures', async () => {
    const [a] = await row();
    const { proposal_id: id } = await propose(a, 'sage');
    await net.jump(DAY + 60_000);
    await net.pass(15_000);
    expect(a.governance.proposal(id)).toMatchObject({ status: 'expired', abstentions: 3 });
  });

  test('of rivals for one value only one is made', async () => {
    const [a, b, c, d] = await row();
    const one = await propose(a, 'sage', retention(90));
    const other = await propose(c, 'king', retention(60));
    await vote(b, 'curator', one.proposal_id);
    await vote(a, 'sage', one.proposal_id);
    await vote(b, 'curator', other.proposal_id);
    await vote(c, 'king', other.proposal_id);
    await net.pass(2_000);
    expect([a, b, c, d].map(days)).toEqual([90, 90, 90, 90]);
    const lost = d.governance.proposal(other.proposal_id);
    expect(lost).toMatchObject({ status: 'voting_ongoing', votes: { curator: { vote: 'reject', final: true } } });
  });
});

describe('a mesh that is cut', () => {
  test('decides where enough voters are together, and is one again when it heals', async () => {
    const [a, b, c, d] = await row();
    net.cut(b, c);
    const { proposal_id: id } = await propose(a, 'sage');
    await vote(a, 'sage', id);
    await vote(b, 'curator', id);
    expect([a, b, c, d].map(days)).toEqual([90, 90, 30, 30]);
    net.connect(b, c);
    await net.pass(15_000);
    expect([a, b, c, d].map(days)).toEqual([90, 90, 90, 90]);
    expect(d.governance.policies({ key: 'knowledge.retention_days' })[0]?.applied_by).toHaveLength(4);
  });

  test('a late joiner gets everything through one that authored nothing', async () => {
    const [a, b, c, d] = await row();
    const { proposal_id: id } = await propose(a, 'sage');
    await vote(b, 'curator', id);
    await vote(c, 'king', id);
    net.cut(c, d);
    await net.jump(10 * 60_000);
    const late = await net.node(15);
    net.connect(d, late);
    await net.pass(1_000);
    expect(days(late)).toBe(90);
    expect(late.governance.certificate(id)).toBeDefined();
  });

  test('a decision of the king alone works with no other node in reach', async () => {
    const king = await net.node(13, { holds: ['king'] });
    await net.pass(6_000);
    const request = {
      title: 'Stop',
      description: 'Somebody is in our systems and must get out',
      type: 'emergency_action',
      configUpdates: { 'emergency.blocked': ['*'] },
      autoVote: true,
    };
    const { status } = value(await during(king.governance.propose(request, king.as('king'), forever)));
    expect(status).toBe('approved');
    expect(king.policy().value('emergency.blocked')).toEqual(['*']);
  });
});

describe('the king’s override', () => {
  const why = 'The others are asleep and the disk is full';

  test('puts an open proposal in force, and lapses when the others let it', async () => {
    const [a, b, c, d] = await row();
    const { proposal_id: id } = await propose(a, 'sage');
    const asked = { proposalId: id, action: 'approve', justification: why } as const;
    const { entryId } = value(await during(c.governance.override(asked, c.as('king'), forever)));
    expect([a, b, c, d].map(days)).toEqual([90, 90, 90, 90]);
    expect(codeOf(await c.governance.override(asked, c.as('king'), forever))).toBe('TOO_SOON');
    for (const [node, voter] of [
      [a, 'sage'],
      [b, 'curator'],
    ] as const) {
      const request = { proposalId: entryId, vote: 'reject', reasoning: 'no', conditions: [], final: true } as const;
      value(await during(node.governance.vote(request, node.as(voter), forever)));
    }
    await net.pass(1_000);
    expect([a, b, c, d].map(days)).toEqual([30, 30, 30, 30]);
  });

  test('suppresses a decision, and is revoked by the two others', async () => {
    const [a, b, c, d] = await row();
    const { proposal_id: id } = await propose(a, 'sage');
    await vote(a, 'sage', id);
    await vote(b, 'curator', id);
    const asked = { proposalId: id, action: 'suppress', justification: why } as const;
    const { entryId } = value(await during(c.governance.override(asked, c.as('king'), forever)));
    expect([a, d].map(days)).toEqual([30, 30]);
    const revoke = {
      title: 'Let it be',
      description: 'We decided',
      type: 'major_change',
      configUpdates: {},
      revoke: entryId,
      autoVote: true,
    };
    const { proposal_id: revoking } = value(await during(a.governance.propose(revoke, a.as('sage'), forever)));
    await vote(b, 'curator', revoking);
    await net.pass(1_000);
    expect([a, b, c, d].map(days)).toEqual([90, 90, 90, 90]);
  });
});

describe('a voter’s key', () => {
  test('signs nothing more than before when its node starts again from an older copy of its disk', async () => {
    const [a, b, c, d] = await row();
    const { proposal_id: id } = await propose(a, 'sage');
    const copy = await copyOf(b.store);
    await vote(b, 'curator', id);
    await vote(c, 'king', id);
    const again = await b.restarted(copy);
    const early = again.governance.vote(
      { proposalId: id, vote: 'reject', reasoning: 'again', conditions: [], final: true },
      again.as('curator'),
      forever,
    );
    for (const node of [a, c, d]) net.connect(again, node);
    expect(codeOf(await during(early))).toBe('ALREADY_DECIDED');
    expect(again.reports.of('governance.halted')).toEqual([]);
    const later = await propose(again, 'curator', { ...retention(120) });
    await net.pass(15_000);
    expect(c.governance.proposal(later.proposal_id)).toMatchObject({ status: 'created' });
    for (const node of [a, c, again]) expect(node.reports.of('governance.equivocation')).toEqual([]);
  });

  test('signs nothing on an older copy of its disk while one voter’s node has not been heard', async () => {
    const [a, b, c, d] = await row();
    const { proposal_id: id } = await propose(a, 'sage');
    const copy = await copyOf(b.store);
    net.cut(b, c);
    await vote(b, 'curator', id); // heard by `a` alone
    net.cut(a, b);
    const again = await b.restarted(copy);
    net.connect(again, c);
    net.connect(again, d);
    const other = { proposalId: id, vote: 'reject', reasoning: 'anew', conditions: [], final: true } as const;
    const tried = () => during(again.governance.vote(other, again.as('curator'), forever));
    expect(codeOf(await tried())).toBe('RESTORED');
    await net.pass(120_000); // no silence makes it right
    expect(codeOf(await tried())).toBe('RESTORED');
    expect(again.governance.warnings().join()).toContain(a.nodeId);
    const later = await again.restarted();
    net.connect(later, c);
    expect(codeOf(await during(later.governance.vote(other, later.as('curator'), forever)))).toBe('RESTORED');
    net.connect(later, a);
    await net.pass(2_000);
    expect(later.governance.proposal(id)?.votes['curator']).toMatchObject({ vote: 'approve' });
    await during(later.governance.vote(other, later.as('curator'), forever));
    for (const node of [a, c, later]) expect(node.reports.of('governance.equivocation')).toEqual([]);
  });

  test('signs on an older copy of its disk when its operator vouches for it', async () => {
    const [a, b] = await row();
    const again = await b.restarted(await copyOf(b.store));
    net.connect(again, a);
    expect(codeOf(await during(again.governance.propose(retention(50), again.as('curator'), forever)))).toBe(
      'RESTORED',
    );
    expect([await again.governance.resume('curator'), await again.governance.resume('curator')]).toEqual([true, false]);
    await propose(again, 'curator', retention(50));
  });

  test('that comes without word of what it signed is asked about before it signs', async () => {
    const [a, b, c, d] = await row();
    d.keys.names.add('curator');
    await d.governance.distrust('curator');
    b.keys.names.delete('curator');
    net.cut(b, c);
    expect(codeOf(await during(d.governance.propose(retention(50), d.as('curator'), forever)))).toBe('RESTORED');
    for (const node of [a, b]) net.connect(d, node);
    await net.pass(2_000);
    await propose(d, 'curator', retention(50));
    expect(d.reports.of('governance.halted')).toEqual([]);
  });

  test('is still what it was after a crash between signing and sending', async () => {
    const [a, b, c] = await row();
    const { proposal_id: id } = await propose(a, 'sage');
    net.cut(a, b);
    net.cut(b, c);
    await vote(b, 'curator', id); // signed, on disk, and heard by nobody
    const again = await b.restarted();
    net.connect(again, a);
    net.connect(again, c);
    await net.pass(15_000);
    expect(c.governance.proposal(id)?.votes['curator']).toMatchObject({ vote: 'approve' });
    expect(value(await vote(c, 'king', id)).status).toBe('approved');
  });

  test('stops signing on a node that meets its own signature from elsewhere', async () => {
    const [a, , c] = await row();
    const thief = await net.node(20, { holds: ['sage'] });
    await net.pass(6_000);
    await propose(a, 'sage', retention(60));
    await propose(thief, 'sage', retention(45));
    net.connect(thief, c);
    await net.pass(15_000);
    expect(a.reports.of('governance.halted')).toEqual([{ voter: 'sage' }]);
    expect(codeOf(await a.governance.propose(retention(99), a.as('sage'), forever))).toBe('KEY_DOUBLED');
    expect(c.reports.of('governance.equivocation').length).toBeGreaterThan(0);
  });

  test('moves with the end of its log, and signs at its new home only when that log is there', async () => {
    const [a, b, c, d] = await row();
    const { proposal_id: id } = await propose(a, 'sage');
    a.keys.names.delete('sage');
    const state = await a.governance.released('sage');
    expect(state).toMatchObject({ voter: 'sage', seq: 2, head: id });
    const stranger = await net.node(21);
    await stranger.governance.adopt(state);
    stranger.keys.names.add('sage');
    await net.pass(6_000);
    const early = await during(stranger.governance.propose(retention(99), stranger.as('sage'), forever), 8_000);
    expect(codeOf(early)).toBe('NOT_SYNCED');
    net.connect(stranger, d);
    await net.pass(1_000);
    await vote(stranger, 'sage', id);
    await vote(c, 'king', id);
    expect([a, b, c, d, stranger].map(days)).toEqual([90, 90, 90, 90, 90]);
  });

  test('of somebody who signs elsewhere: the statement is handed in, and must say what the arguments say', async () => {
    const [a, b] = await row();
    const { proposal_id: id } = await propose(b, 'curator');
    const body = { proposal: id, value: 'approve', reasoning: 'by hand' };
    const payload = { v: 1, net: villageId, ep: 0, kind: 'vote', voter: 'king', seq: 1, prev: null, ts: NOW_MS, body };
    const signedStatement = statementBy('king', kid('king'), payload);
    const request = { proposalId: id, vote: 'approve', reasoning: 'by hand', conditions: [], final: false } as const;
    const asKing = a.as('king', { issuedAtMs: 0 });
    const handIn = (changes: object) => a.governance.vote({ ...request, ...changes }, asKing, forever);
    expect(codeOf(await handIn({ signedStatement, vote: 'reject' }))).toBe('OTHER_CONTENT');
    expect(codeOf(await handIn({ signedStatement: `${signedStatement.slice(0, -4)}AAAA` }))).toBe('BAD_STATEMENT');
    expect(codeOf(await a.governance.vote({ ...request, signedStatement }, a.as('sage'), forever))).toBe(
      'NOT_YOURSELF',
    );
    expect(value(await handIn({ signedStatement }))).toMatchObject({ votes_for: 1 });
  });
});

test('what a voter signed on an open question is said again, less and less often, until it is decided', async () => {
  const [a, b, c] = await row();
  const { proposal_id: id } = await propose(a, 'sage');
  const said = () => {
    const times = a.published.filter((data) => {
      const heard = readAnnouncement(data);
      return heard?.kind === 'statement' && idOf(heard.statement) === id;
    });
    return times.length;
  };
  const first = said();
  await net.pass(60_000);
  const minute = said() - first;
  expect(minute).toBeGreaterThanOrEqual(2);
  await net.pass(600_000);
  expect(said() - first - minute).toBeLessThanOrEqual(6);
  await vote(b, 'curator', id);
  await vote(c, 'king', id);
  const decided = said();
  await net.pass(1_200_000);
  expect(said()).toBe(decided);
});

const idOf = (token: string) =>
  createHash('sha256')
    .update(token.slice(0, token.lastIndexOf('.')))
    .digest('hex');

describe('what is on disk', () => {
  test('is in force again after a restart, before any peer is there', async () => {
    const [a, b, c] = await row();
    const { proposal_id: id } = await propose(a, 'sage');
    await vote(b, 'curator', id);
    await vote(c, 'king', id);
    const again = await a.restarted();
    expect(days(again)).toBe(90);
    expect(again.governance.proposal(id)?.status).toBe('approved');
  });

  test('is left out where its bytes are not those that were written', async () => {
    const [a, b, c] = await row();
    const { proposal_id: id } = await propose(a, 'sage');
    await vote(b, 'curator', id);
    await vote(c, 'king', id);
    const store = await copyOf(a.store);
    for await (const [key, bytes] of a.store.entries({ gte: `log/${kid('king')}/`, lt: `log/${kid('king')}/~` })) {
      const changed = Uint8Array.from(bytes);
      changed[changed.length - 1] = (changed.at(-1) as number) ^ 1;
      await store.put(key, changed);
    }
    const again = await a.restarted(store);
    expect(days(again)).toBe(30);
    expect(again.reports.of('governance.damaged')).toHaveLength(3); // where it is, its vote, its commit
  });
});

async function copyOf(store: MemoryStore): Promise<MemoryStore> {
  const copy = new MemoryStore();
  for await (const [key, value] of store.entries()) await copy.put(key, value);
  return copy;
}

/** A vote by the king on a proposal that is not there, as a stranger could bring it. */
const loose = (changes: object = {}, body: object = {}) => {
  const vote = { proposal: 'a'.repeat(64), value: 'approve', reasoning: 'x', ...body };
  return {
    v: 1,
    net: villageId,
    ep: 0,
    kind: 'vote',
    voter: 'king',
    seq: 1,
    prev: null,
    ts: NOW_MS,
    body: vote,
    ...changes,
  };
};
const announced = (statement: string) => announcementOf({ kind: 'statement', statement });

verifies('governance/R7', 'what can never count is not passed on, and what may is', async () => {
  const [a] = await row();
  const good = statementBy('king', kid('king'), loose());
  const [head, body, signature] = good.split('.') as [string, string, string];
  const bad: readonly (readonly [string, string])[] = [
    ['another village', statementBy('king', kid('king'), loose({ net: 'b'.repeat(64) }))],
    ['a field too many', statementBy('king', kid('king'), loose({ more: 1 }))],
    ['a fraction', statementBy('king', kid('king'), loose({ ts: 1.5 }))],
    ['somebody else’s name', statementBy('king', kid('king'), loose({ voter: 'sage' }))],
    ['another’s signature', statementBy('sage', kid('king'), loose())],
    [
      'a signature spelled otherwise',
      `${head}.${body}.${signature.slice(0, -1)}${signature.endsWith('A') ? 'B' : 'A'}`,
    ],
    ['no statement at all', 'a.b.c'],
  ];
  for (const [what, statement] of bad) expect(net.offer(a, announced(statement)), what).toBe(false);
  expect(a.reports.of('governance.refused')).toHaveLength(bad.length);
  const later = statementBy('king', kid('king'), loose({ ep: 3, seq: 2 }));
  expect(net.offer(a, announced(later)), 'an epoch that is not known here').toBe(true);
  expect(net.offer(a, announced(good)), 'a vote on what is not known here').toBe(true);
  expect(net.offer(a, announced(good)), 'the same again').toBe(true);
});

verifies(
  'governance/R8',
  'a receipt counts by its node’s own signature and membership, and the newest alone',
  async () => {
    const [a, b] = await row();
    const receipt = (changes: object = {}, key = b.key) => {
      const payload = {
        village: villageId,
        node: b.nodeId,
        seq: net.wallMs() + 5,
        iat: NOW_MS,
        root: 'c'.repeat(64),
        decisions: ['d'.repeat(64)],
      };
      return announcementOf({
        kind: 'receipt',
        receipt: key.jws('village-receipt+jws', { ...payload, ...changes }),
        chain: [],
      });
    };
    const stranger = (await import('../support/keypair.ts')).keypair(99);
    expect(net.offer(a, receipt({}, a.key)), 'another key').toBe(false);
    expect(net.offer(a, receipt({ village: 'b'.repeat(64) })), 'another village').toBe(false);
    expect(net.offer(a, receipt({ more: 1 })), 'a field too many').toBe(false);
    expect(net.offer(a, receipt({ node: stranger.peerId }, stranger)), 'no member').toBe(false);
    expect(net.offer(a, receipt({ seq: 1, root: 'e'.repeat(64) })), 'an old one').toBe(true);
    const applied = () => a.governance.policies({ key: 'knowledge.retention_days' })[0]?.applied_by;
    expect(applied()).toContain(b.nodeId);
    expect(net.offer(a, receipt())).toBe(true);
    expect(applied()).not.toContain(b.nodeId);
  },
);

verifies(
  'governance/R9',
  'a node asks whom it admits, again and again, and when it had to put a statement aside',
  async () => {
    const [a, b] = await row();
    expect(a.asked).toBeGreaterThan(0);
    const before = a.asked;
    await net.pass(60_000);
    expect(a.asked - before).toBeGreaterThanOrEqual(8);
    const asked = a.asked;
    net.offer(a, announced(statementBy('king', kid('king'), loose({ ep: 3 }))), b.nodeId);
    await net.pass(600);
    expect(a.asked).toBeGreaterThan(asked);
  },
);

verifies(
  'governance/R10',
  'a call of somebody who is no voter is proposed by a voter’s node, and only that call',
  async () => {
    const [, , c, d] = await row();
    const asked = { tool: 'spend', arguments: { amount: 5 }, type: 'major_change' };
    const local = d.as('local@d');
    const proposal = value(await during(d.governance.proposeCall(asked, local, forever)));
    expect(proposal).toMatchObject({ proposer: 'king', status: 'created', votes_for: 0 });
    const call = { tool: 'spend', arguments: { amount: 5 }, agent: 'local@d', node_id: d.nodeId };
    expect(proposal.proposed_changes).toEqual({ call });
    expect(c.governance.proposal(proposal.proposal_id)?.proposed_changes).toEqual({ call });
    const free = { ...asked, tool: 'look' };
    expect(codeOf(await during(d.governance.proposeCall(free, local, forever)))).toBe('NO_SPONSOR');
    const flood = await during(
      Promise.all(Array.from({ length: 20 }, () => d.governance.proposeCall(asked, local, forever))),
    );
    expect(flood.filter((one) => one.kind === 'done')).toHaveLength(5); // six a minute, and one was there
  },
);

verifies('governance/R10', 'a request in another node’s name, of another village, or long ago is refused', async () => {
  const [a, , , d] = await row();
  const answer = async (changes: object, from = d.nodeId, key = d.key) => {
    const call = { agent: 'local@d', tool: 'spend', arguments: {}, type: 'major_change', nonce: 'n' };
    const good = { village: villageId, node: d.nodeId, ...call, iat: net.wallMs() };
    const reply = await net.request(a, from, key.jws('village-gov-request+jws', { ...good, ...changes }));
    return 'proposal' in reply ? 'proposed' : reply.refused;
  };
  expect(await answer({ node: a.nodeId })).toBe('bad-request');
  expect(await answer({}, a.nodeId)).toBe('bad-request');
  expect(await answer({}, d.nodeId, a.key)).toBe('bad-request');
  expect(await answer({ village: 'f'.repeat(64) })).toBe('bad-request');
  expect(await answer({ iat: net.wallMs() - 6 * 60_000 })).toBe('bad-request');
  expect(await answer({ more: 1 })).toBe('bad-request');
  expect(await answer({ type: 'minor_change' })).toBe('no-vote-needed');
  expect(await answer({})).toBe('proposed');
});

test('a flood of statements that wait stays bounded, and asks nobody without end', async () => {
  const [a, b] = await row();
  const before = a.asked;
  for (let seq = 1; seq <= 800; seq += 1) {
    net.offer(a, announced(statementBy('king', kid('king'), loose({ ep: 9, seq }))), b.nodeId);
  }
  await net.pass(5_000);
  expect(a.asked - before).toBeLessThan(60);
  expect(readAnnouncement(b.published[0] as Uint8Array)).toBeDefined();
});
