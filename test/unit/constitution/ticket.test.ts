import { describe, expect, test } from 'vitest';
import { checkTicket, formatInvite, type Invite, parseInvite } from '../../../src/constitution/index.ts';
import { founder, hostA, NOW_MS, NOW_S, villageId } from '../../support/small-village.ts';

const terms = {
  village: villageId,
  by: founder.node.peerId,
  jti: '0123456789abcdef',
  uses: 2,
  level: 'OPERATOR',
  may_invite: false,
  exp: NOW_S + 60,
};
const ticket = (changes: object = {}, signer = founder) =>
  signer.node.jws('village-invite+jws', { ...terms, ...changes });
const check = (jws: string, nowMs = NOW_MS) => {
  const verdict = checkTicket(jws, { villageId, nowMs });
  return verdict.kind === 'refused' ? verdict.because : verdict.kind;
};
const address = `/ip4/127.0.0.1/tcp/4001/p2p/${founder.node.peerId}`;
const spell = (value: unknown) => `village-invite:${Buffer.from(JSON.stringify(value)).toString('base64url')}`;
const parse = (input: string, nowMs = NOW_MS) => {
  const verdict = parseInvite(input, nowMs);
  return verdict.kind === 'refused' ? verdict.because : verdict.kind;
};

describe('a ticket', () => {
  test('is what its inviter signed', () => {
    expect(checkTicket(ticket(), { villageId, nowMs: NOW_MS })).toEqual({ kind: 'ticket', ticket: terms });
  });

  test('ends at its very second', () => {
    expect(check(ticket(), NOW_MS + 59_999)).toBe('ticket');
    expect(check(ticket(), NOW_MS + 60_000)).toBe('expired');
  });

  test('of another village is refused', () => {
    expect(check(ticket({ village: '0'.repeat(64) }))).toBe('foreign-village');
  });

  test('in the name of another node is refused', () => {
    expect(check(ticket({}, hostA))).toBe('bad-signature');
  });

  test.each([
    ['no use', { uses: 0 }],
    ['a short jti', { jti: 'abc' }],
    ['an unknown level', { level: 'ROOT' }],
    ['an unknown member', { admin: true }],
    ['a signer that is no PeerId', { by: 'founder' }],
  ])('with %s is malformed', (_what, changes) => {
    expect(check(ticket(changes))).toBe('malformed');
  });
});

describe('an invite', () => {
  const invite: Invite = { v: 1, village: villageId, addresses: [address], ticket: ticket() };

  test('is one string, and reads back', () => {
    const line = formatInvite(invite);
    expect(line).toMatch(/^village-invite:[A-Za-z0-9_-]+$/);
    expect(parseInvite(`  ${line}\n`, NOW_MS)).toEqual({ kind: 'invite', invite, ticket: terms });
  });

  test('written long ago by other code still reads', () => {
    expect(parse(spell(invite))).toBe('invite');
  });

  test.each([
    ['not-an-invite', ''],
    ['not-an-invite', 'village:abc'],
    ['not-an-invite', formatInvite(invite).slice(1)],
    ['malformed', 'village-invite:'],
    ['malformed', 'village-invite:?'],
    ['malformed', `${formatInvite(invite)}=`],
    ['malformed', formatInvite(invite).slice(0, -10)],
    ['malformed', spell({ ...invite, v: 2 })],
    ['malformed', spell({ ...invite, token: 'x' })],
    ['malformed', spell({ ...invite, addresses: ['example.org:4001'] })],
    ['malformed', spell([])],
    ['malformed', `village-invite:${Buffer.from('{"v":1,"v":1}').toString('base64url')}`],
    ['foreign-village', spell({ ...invite, village: 'a'.repeat(64) })],
    ['bad-signature', spell({ ...invite, ticket: ticket({}, hostA) })],
    ['too-large', `village-invite:${'A'.repeat(20_000)}`],
  ])('is refused as %s: %.40s', (because, line) => {
    expect(parse(line)).toBe(because);
  });

  test('ends with its ticket', () => {
    expect(parse(formatInvite(invite), NOW_MS + 60_000)).toBe('expired');
  });
});
