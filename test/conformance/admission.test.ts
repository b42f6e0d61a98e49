import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lpStream, streamPair } from '@libp2p/utils';
import { afterEach, beforeEach, describe, expect } from 'vitest';
import { type NodeKeys, openNodeKeys } from '../../node/identity/index.ts';
import { MemoryStore, type Store } from '../../node/storage/index.ts';
import { Inviter, type InviteRequest } from '../../node/village/inviter.ts';
import { TicketBook } from '../../node/village/ticket-book.ts';
import { type AdmissionDesk, redeemTicket, renewCredential, serveAdmission } from '../../protocols/admission/index.ts';
import {
  AIVILLAGE_AGENTS,
  aivillageConstitution,
  type Constitution,
  type Membership,
  Policy,
  parseInvite,
  TICKET_TYP,
  verifyMembership,
  villageIdOf,
} from '../../src/constitution/index.ts';
import { toBase64Url, utf8 } from '../../src/kernel/index.ts';
import { Reports } from '../support/mesh-hosts.ts';
import { verifies } from '../support/verifies.ts';

const NOW = 1_790_000_000_000;
const HOUR = 3_600_000;
const within = (ms = 3_000) => AbortSignal.timeout(ms);

let folder: string;
let founder: NodeKeys;
let constitution: Constitution;
let villageId: string;
let nowMs: number;
let policy: Policy;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'village-admission-'));
  founder = node('founder');
  const agentKeys = Object.fromEntries(
    Object.keys(AIVILLAGE_AGENTS).map((name) => [name, toBase64Url(randomBytes(32))]),
  );
  constitution = aivillageConstitution({
    name: 'test',
    createdAtMs: NOW,
    founder: { nodeId: founder.nodeId, issuerKey: founder.issuerX },
    agentKeys,
  });
  villageId = villageIdOf(constitution);
  nowMs = NOW;
  policy = new Policy(constitution);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function node(name: string): NodeKeys {
  return openNodeKeys(join(folder, name), { create: true });
}

function memberOf(chain: readonly string[], keys: NodeKeys) {
  return verifyMembership(chain, { constitution, villageId, policy, nowMs, nodeId: keys.nodeId });
}

function membershipOf(chain: readonly string[], keys: NodeKeys): Membership | undefined {
  const verdict = memberOf(chain, keys);
  return verdict.kind === 'member' ? verdict.membership : undefined;
}

function inviter(keys = founder, chain: readonly string[] = [], store: Store = new MemoryStore()): Inviter {
  return new Inviter({
    keys,
    constitution,
    villageId,
    tickets: new TicketBook(store),
    reporter: new Reports(),
    policy: () => policy,
    membership: () => membershipOf(chain, keys),
    now: () => nowMs,
  });
}

function ticketOf(desk: Inviter, request: Partial<InviteRequest> = {}): string {
  const asked = {
    addresses: ['/ip4/127.0.0.1/tcp/1'],
    ttlMs: HOUR,
    uses: 1,
    level: 'OPERATOR',
    mayInvite: false,
  } as const;
  const read = parseInvite(desk.createInvite({ ...asked, ...request }).invite, nowMs);
  if (read.kind === 'refused') return expect.unreachable(read.because);
  return read.invite.ticket;
}

async function redeem(desk: AdmissionDesk, ticket: string, keys: NodeKeys) {
  const [out, into] = await streamPair();
  const signal = within();
  const options = { villageId, signal, verify: (_: Constitution, chain: readonly string[]) => memberOf(chain, keys) };
  const [answer] = await Promise.all([
    redeemTicket(out, { ticket, issuerKey: keys.issuerX }, options),
    serveAdmission(into, desk, { nodeId: keys.nodeId, signal }),
  ]);
  return answer;
}

async function renew(desk: AdmissionDesk, chain: readonly string[], keys: NodeKeys) {
  const [out, into] = await streamPair();
  const signal = within();
  const [answer] = await Promise.all([
    renewCredential(out, { chain, issuerKey: keys.issuerX }, { signal, verify: (fresh) => memberOf(fresh, keys) }),
    serveAdmission(into, desk, { nodeId: keys.nodeId, signal }),
  ]);
  return answer;
}

async function admitted(
  desk: Inviter,
  keys: NodeKeys,
  request: Partial<InviteRequest> = {},
): Promise<readonly string[]> {
  const answer = await redeem(desk, ticketOf(desk, request), keys);
  return answer.kind === 'granted' ? answer.chain : expect.unreachable(answer.because);
}

describe('a ticket', () => {
  verifies('admission/R1', 'that is good makes its bearer a member', async () => {
    const answer = await redeem(inviter(), ticketOf(inviter()), node('new'));
    expect(answer).toMatchObject({ kind: 'granted', constitution });
  });

  verifies('admission/R1', 'that has expired is refused', async () => {
    const ticket = ticketOf(inviter());
    nowMs += HOUR + 1_000;
    expect(await redeem(inviter(), ticket, node('new'))).toEqual({ kind: 'refused', because: 'expired' });
  });

  verifies('admission/R1', 'of another member is refused', async () => {
    const other = node('other');
    const chain = await admitted(inviter(), other, { mayInvite: true });
    const ticket = ticketOf(inviter(other, chain));
    expect(await redeem(inviter(), ticket, node('new'))).toEqual({ kind: 'refused', because: 'foreign' });
  });

  verifies('admission/R1', 'that a stranger signed in our name, or for another village, is refused', async () => {
    const stranger = node('stranger');
    const claims = { by: founder.nodeId, jti: 'x'.repeat(22), uses: 9, level: 'EMERGENCY', may_invite: true };
    const exp = NOW / 1000 + 60;
    const forged = stranger.signAsNode(TICKET_TYP, { ...claims, village: villageId, exp });
    const foreign = founder.signAsNode(TICKET_TYP, { ...claims, village: 'f'.repeat(64), exp });
    for (const ticket of [forged, foreign]) {
      expect(await redeem(inviter(), ticket, stranger)).toEqual({ kind: 'refused', because: 'foreign' });
    }
    expect(await redeem(inviter(), 'nonsense', stranger)).toEqual({ kind: 'refused', because: 'malformed' });
  });

  verifies('admission/R2', 'for one cannot be redeemed by a second node', async () => {
    const desk = inviter();
    const ticket = ticketOf(desk);
    expect(await redeem(desk, ticket, node('one'))).toMatchObject({ kind: 'granted' });
    expect(await redeem(desk, ticket, node('two'))).toEqual({ kind: 'refused', because: 'used-up' });
  });

  verifies('admission/R2', 'for two admits two of five that come at once', async () => {
    const desk = inviter();
    const ticket = ticketOf(desk, { uses: 2 });
    const answers = await Promise.all([1, 2, 3, 4, 5].map((n) => redeem(desk, ticket, node(`n${n}`))));
    expect(answers.map(({ kind }) => kind).sort()).toEqual(['granted', 'granted', 'refused', 'refused', 'refused']);
  });

  verifies('admission/R2', 'stays used when the inviter is started again', async () => {
    const store = new MemoryStore();
    const ticket = ticketOf(inviter());
    await redeem(inviter(founder, [], store), ticket, node('one'));
    const answer = await redeem(inviter(founder, [], store), ticket, node('two'));
    expect(answer).toEqual({ kind: 'refused', because: 'used-up' });
  });

  verifies('admission/R2', 'is not answered when its use cannot be kept', async () => {
    class FullDisk extends MemoryStore {
      override put(): Promise<void> {
        return Promise.reject(new Error('no space left'));
      }
    }
    const [out, into] = await streamPair();
    const desk = inviter(founder, [], new FullDisk());
    const serving = serveAdmission(into, desk, { nodeId: node('one').nodeId, signal: within() });
    const ask = { v: 1, kind: 'redeem', ticket: ticketOf(desk), issuer_key: founder.issuerX };
    const framed = lpStream(out);
    await framed.write(utf8(JSON.stringify(ask)));
    await expect(serving).rejects.toThrow('no space left');
    into.abort(new Error('over'));
    await expect(framed.read({ signal: within() })).rejects.toThrow();
  });

  verifies('admission/R3', 'redeemed again by the same node gives the same credential', async () => {
    const desk = inviter();
    const ticket = ticketOf(desk);
    const one = node('one');
    const first = await redeem(desk, ticket, one);
    nowMs += 60_000;
    expect(await redeem(desk, ticket, one)).toEqual(first);
    expect(await redeem(desk, ticket, node('two'))).toEqual({ kind: 'refused', because: 'used-up' });
  });
});

describe('a node that asks all the time', () => {
  verifies('admission/R9', 'is told after 12 questions that the inviter is busy, and others are not', async () => {
    const desk = inviter();
    const [one, two] = [node('one'), node('two')];
    const chain = await admitted(desk, one);
    const answers = [];
    for (let turn = 0; turn < 100; turn += 1) answers.push(await renew(desk, chain, one));
    expect(answers.filter(({ kind }) => kind === 'renewed')).toHaveLength(11);
    expect(answers.at(-1)).toEqual({ kind: 'refused', because: 'busy' });
    expect(await redeem(desk, ticketOf(desk), two)).toMatchObject({ kind: 'granted' });
  });
});

describe('strangers without end', () => {
  verifies(
    'admission/R9',
    'are told that the inviter is busy, and hold up neither who has a ticket nor a member',
    async () => {
      const desk = inviter();
      const [one, two] = [node('one'), node('two')];
      const chain = await admitted(desk, one);
      const refusals = new Set<string>();
      for (let index = 0; index < 1_000; index += 1) {
        const asked = { v: 1, issuer_key: one.issuerX } as const;
        const answer = await (index % 2 === 0
          ? desk.redeem({ ...asked, kind: 'redeem', ticket: 'none' }, `stranger-${index}`)
          : desk.renew({ ...asked, kind: 'renew', chain: [...chain] }, `stranger-${index}`));
        refusals.add(answer.kind === 'refused' ? answer.because : answer.kind);
      }
      expect(refusals).toEqual(new Set(['malformed', 'not-a-member', 'busy']));
      expect(await redeem(desk, ticketOf(desk), two)).toMatchObject({ kind: 'granted' });
      expect(await renew(desk, chain, one)).toMatchObject({ kind: 'renewed' });
    },
  );
});

describe('a credential', () => {
  verifies('admission/R4', 'names the proven node and holds what the ticket says, for 30 days', async () => {
    const one = node('one');
    const chain = await admitted(inviter(), one, { level: 'COORDINATOR' });
    expect(membershipOf(chain, one)).toMatchObject({
      nodeId: one.nodeId,
      issuerKey: Buffer.from(one.issuerKey),
      may: { host: true, invite: false, issue: 'COORDINATOR' },
      expiresAtMs: NOW + 30 * 24 * HOUR,
      depth: 1,
    });
    expect(membershipOf(chain, node('two'))).toBeUndefined();
  });

  verifies('admission/R4', 'never grants more than the inviter holds, nor is such an invite made', async () => {
    const one = node('one');
    const chain = await admitted(inviter(), one, { level: 'OPERATOR', mayInvite: true });
    const desk = inviter(one, chain);
    expect(() => ticketOf(desk, { level: 'COORDINATOR' })).toThrow(expect.objectContaining({ code: 'MAY_NOT_INVITE' }));
    const claims = { village: villageId, by: one.nodeId, jti: 'y'.repeat(22), uses: 1, exp: NOW / 1000 + 60 };
    const greedy = one.signAsNode(TICKET_TYP, { ...claims, level: 'EMERGENCY', may_invite: true });
    const two = node('two');
    const answer = await redeem(desk, greedy, two);
    expect(answer.kind === 'granted' && membershipOf(answer.chain, two)?.may.issue).toBe('OPERATOR');
  });

  verifies('admission/R4', 'of a member that may not invite lets it neither make nor honour invites', async () => {
    const one = node('one');
    const desk = inviter(one, await admitted(inviter(), one));
    expect(() => ticketOf(desk)).toThrow(expect.objectContaining({ code: 'MAY_NOT_INVITE' }));
    const claims = { village: villageId, by: one.nodeId, jti: 'y'.repeat(22), uses: 1, exp: NOW / 1000 + 60 };
    const own = one.signAsNode(TICKET_TYP, { ...claims, level: 'OPERATOR', may_invite: false });
    expect(await redeem(desk, own, node('two'))).toEqual({ kind: 'refused', because: 'not-inviter' });
  });

  verifies('admission/R5', 'is not given to an evicted node', async () => {
    const one = node('one');
    const ticket = ticketOf(inviter());
    policy = new Policy(constitution, new Map([['nodes.evicted', { value: [one.nodeId], version: 1 }]]));
    expect(await redeem(inviter(), ticket, one)).toEqual({ kind: 'refused', because: 'evicted' });
  });
});

describe('a newcomer', () => {
  const liar = (changes: object): AdmissionDesk => ({
    redeem: async (ask, nodeId) => ({ ...(await inviter().redeem(ask, nodeId)), ...changes }) as never,
    renew: () => expect.unreachable(),
  });

  verifies('admission/R6', 'does not take the constitution of another village', async () => {
    const other = { ...constitution, name: 'another' };
    const joining = redeem(liar({ constitution: other }), ticketOf(inviter()), node('one'));
    await expect(joining).rejects.toMatchObject({ code: 'WIRE_MALFORMED' });
  });

  verifies('admission/R6', 'does not take a chain that proves nothing for it', async () => {
    const chain = await admitted(inviter(), node('other'));
    const joining = redeem(liar({ chain }), ticketOf(inviter()), node('one'));
    await expect(joining).rejects.toMatchObject({ code: 'WIRE_MALFORMED' });
  });
});

const vectors = JSON.parse(
  readFileSync(new URL('../../protocols/admission/vectors.json', import.meta.url), 'utf8'),
) as { valid: Record<string, string>; invalid: { why: string; text: string }[] };

describe('bad input', () => {
  const deaf: AdmissionDesk = { redeem: () => expect.unreachable(), renew: () => expect.unreachable() };

  for (const { why, text } of vectors.invalid) {
    verifies('admission/R7', `${why} ends the exchange`, async () => {
      const [out, into] = await streamPair();
      const serving = serveAdmission(into, deaf, { nodeId: 'N', signal: within() });
      const sent = lpStream(out).write(utf8(text));
      await Promise.all([expect(serving).rejects.toMatchObject({ code: 'WIRE_MALFORMED' }), sent]);
      expect(into.status).not.toBe('open');
    });
  }

  verifies('admission/R7', 'a question of 1 MiB is refused from its length', async () => {
    const [out, into] = await streamPair();
    const serving = serveAdmission(into, deaf, { nodeId: 'N', signal: within() });
    out.send(Uint8Array.of(0x80, 0x80, 0x40));
    await expect(serving).rejects.toMatchObject({ code: 'WIRE_TOO_LARGE' });
  });

  verifies('admission/R7', 'the frozen questions are understood', async () => {
    const seen: unknown[] = [];
    const noting: AdmissionDesk = {
      redeem: async (ask) => ({ v: 1, kind: 'refused', because: seen.push(ask) > 0 ? 'used-up' : 'busy' }),
      renew: async (ask) => ({ v: 1, kind: 'refused', because: seen.push(ask) > 0 ? 'used-up' : 'busy' }),
    };
    for (const name of ['Redeem', 'Renew']) {
      const [out, into] = await streamPair();
      const serving = serveAdmission(into, noting, { nodeId: 'N', signal: within() });
      const framed = lpStream(out);
      await framed.write(utf8(vectors.valid[name] as string));
      const answer = await framed.read({ signal: within() });
      expect(Buffer.from(answer.subarray()).toString()).toBe(vectors.valid['Refused']);
      await serving;
    }
    expect(seen).toMatchObject([{ ticket: 'eyJhbGciOiJFZERTQSJ9.e30.AA' }, { chain: ['eyJhbGciOiJFZERTQSJ9.e30.AA'] }]);
  });
});

describe('a renewal', () => {
  verifies('admission/R8', 'gives a member the same rights for longer, from any inviter', async () => {
    const [one, two] = [node('one'), node('two')];
    const chain = await admitted(inviter(), one);
    const other = inviter(two, await admitted(inviter(), two, { mayInvite: true, level: 'COORDINATOR' }));
    nowMs += 20 * 24 * HOUR;
    const answer = await renew(other, chain, one);
    const fresh = answer.kind === 'renewed' ? membershipOf(answer.chain, one) : undefined;
    expect(fresh?.may).toEqual({ host: true, invite: false, issue: 'OPERATOR' });
    expect(fresh?.depth).toBe(2);
  });

  verifies('admission/R8', 'is refused to strangers and to those whose credential has ended', async () => {
    const one = node('one');
    const chain = await admitted(inviter(), one);
    expect(await renew(inviter(), chain, node('two'))).toEqual({ kind: 'refused', because: 'not-a-member' });
    expect(await renew(inviter(), [], node('two'))).toEqual({ kind: 'refused', because: 'not-a-member' });
    nowMs += 31 * 24 * HOUR;
    expect(await renew(inviter(), chain, one)).toEqual({ kind: 'refused', because: 'expired' });
  });

  verifies('admission/R8', 'is refused to whom the signer itself descends from', async () => {
    const [one, two] = [node('one'), node('two')];
    const chain = await admitted(inviter(), one, { mayInvite: true });
    const child = inviter(two, await admitted(inviter(one, chain), two, { mayInvite: true }));
    expect(await renew(child, chain, one)).toEqual({ kind: 'refused', because: 'not-inviter' });
  });

  verifies('admission/R5', 'is refused to an evicted member', async () => {
    const one = node('one');
    const chain = await admitted(inviter(), one);
    policy = new Policy(constitution, new Map([['nodes.evicted', { value: [one.nodeId], version: 1 }]]));
    expect(await renew(inviter(), chain, one)).toEqual({ kind: 'refused', because: 'evicted' });
  });
});
