import { type Action, type Ledger, openStatement, type Statement } from '../../src/governance/index.ts';
import { canonicalJson } from '../../src/kernel/index.ts';
import type {
  ActRefusal,
  HoldRequest,
  OverrideRequest,
  ProposeRequest,
  RulesRequest,
  TakeBackRequest,
  VoteRequest,
} from './desk.ts';

type HandedIn =
  | { readonly kind: 'opened'; readonly statement: Statement }
  | { readonly kind: 'refused'; readonly refusal: ActRefusal };

/** Reads a statement that somebody signed outside and hands in. */
export function openHandedIn(
  token: string,
  { ledger, net }: { readonly ledger: Ledger; readonly net: string },
): HandedIn {
  const { kids, voters } = ledger.epoch().rules;
  const keyOf = (kid: string): string | undefined => [...kids].find(([, known]) => known === kid)?.[0];
  const opened = openStatement(token, { net, keyOf: (kid) => voters.get(keyOf(kid) ?? '') });
  if (opened.kind === 'opened') return opened;
  const why = opened.kind === 'refused' ? opened.because : 'no voter has this key';
  return { kind: 'refused', refusal: { code: 'BAD_STATEMENT', message: `the signed statement is refused: ${why}` } };
}

export function matchesProposal({ payload }: Statement, request: ProposeRequest): boolean {
  if (payload.kind !== 'proposal') return false;
  const { title, type, description, actions } = payload.body;
  if (title !== request.title || type !== request.type || description !== request.description) return false;
  const sets = Object.fromEntries(
    actions.flatMap((action) => (action.op === 'set' ? [[action.key, action.value]] : [])),
  );
  const revoked = actions.find((action) => action.op === 'revoke')?.entry;
  const changed = actions.find(({ op }) => op === 'expel' || op === 'recover' || op === 'amend');
  if (!matchesRules(changed, request.change)) return false;
  return canonicalJson(sets) === canonicalJson(request.configUpdates) && revoked === request.revoke;
}

function matchesRules(action: Action | undefined, asked: RulesRequest | undefined): boolean {
  if (action?.op !== asked?.kind) return false;
  switch (action?.op) {
    case 'expel':
      return asked?.kind === 'expel' && action.voter === asked.voter;
    case 'recover':
      return asked?.kind === 'recover' && action.voter === asked.voter && action.key === asked.key;
    case 'amend':
      return asked?.kind === 'amend' && canonicalJson(action.changes) === canonicalJson(asked.changes);
    default:
      return true;
  }
}

/** A vote, or the commit of one. */
export function matchesVote({ payload }: Statement, request: VoteRequest): boolean {
  if (payload.kind !== 'vote' && payload.kind !== 'commit') return false;
  return payload.body.proposal === request.proposalId && payload.body.value === request.vote;
}

export function matchesOverride({ payload }: Statement, request: OverrideRequest): boolean {
  return (
    payload.kind === 'override' &&
    payload.body.proposal === request.proposalId &&
    payload.body.action === request.action
  );
}

export function matchesHold({ payload }: Statement, { target }: HoldRequest): boolean {
  return payload.kind === 'hold' && payload.body.target.kind === target.kind && payload.body.target.id === target.id;
}

export function matchesTakingBack({ payload }: Statement, { id }: TakeBackRequest): boolean {
  if (payload.kind === 'revoke') return payload.body.entry === id;
  return payload.kind === 'withdraw' && payload.body.proposal === id;
}
