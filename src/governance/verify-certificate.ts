import { Constitution, villageIdOf } from '../constitution/index.ts';
import { type Action, GENESIS } from './body.ts';
import { Certificate, type EpochProof } from './certificate.ts';
import { openStatement } from './codec.ts';
import { isWithin, stayingFences } from './fence-proof.ts';
import { enough } from './fencing.ts';
import { isForOverlay } from './least-type.ts';
import { genesisRules, type Rules } from './rules.ts';
import type { Statement, StatementKind, StatementOf } from './statement.ts';
import { type Ballot, ballotFor, type EpochRules, objectTo, rulesAfter } from './validity.ts';

export type CertificateRefusal =
  | 'malformed'
  | 'foreign-village'
  | 'bad-epoch'
  | 'bad-proposal'
  | 'bad-commit'
  | 'repeated-voter'
  | 'too-few'
  | 'bad-override'
  /** Its epochs ended otherwise than those that the verifier knows. */
  | 'other-history'
  /** Its epoch has ended, and nothing shows that this was signed before: with keys that were replaced it could be made later. */
  | 'not-within-its-epoch';
export type CertificateVerdict =
  | {
      readonly kind: 'valid';
      readonly proposal: StatementOf<'proposal'>;
      readonly outcome: Certificate['outcome'];
      /** Who signed: the committing voters, or the overseer. */
      readonly signers: readonly string[];
      readonly actions: readonly Action[];
      /** In which it was decided: what the keys of this epoch could prove. */
      readonly epoch: number;
      /**
       * true: the epoch has ended, and this lies before its end. false: nothing that was shown says that it has ended; if it
       * has, keys that were replaced since could have made this, and only proof from a later epoch can tell.
       */
      readonly closed: boolean;
    }
  | { readonly kind: 'refused'; readonly because: CertificateRefusal };

export interface VerifyOptions {
  /** The village's id. */
  readonly net: string;
  /** How epochs ended, as far as the verifier knows: `historyOf` its own ledger, or the `epochs` of a later certificate. */
  readonly history?: readonly EpochProof[] | undefined;
}

/** Whether `certificate` proves its decision in the village with this id. Needs nothing else; never throws. */
export function verifyCertificate(
  certificate: unknown,
  { net, history: known = [] }: VerifyOptions,
): CertificateVerdict {
  const read = Certificate.safeParse(certificate);
  if (!read.success) return refused('malformed');
  const { constitution, epochs, outcome, override, proposal: token, links = [] } = read.data;
  const genesis = Constitution.safeParse(constitution);
  if (!genesis.success) return refused('malformed');
  if (read.data.net !== net || villageIdOf(genesis.data) !== net) return refused('foreign-village');
  const first = { net, ep: 0, base: GENESIS, rules: genesisRules(genesis.data) };
  const history = walk(epochs, first);
  const later = walk(known, first);
  if (history === undefined || later === undefined) return refused('bad-epoch');
  if (history.some(({ base }, index) => later[index] !== undefined && later[index].base !== base)) {
    return refused('other-history');
  }

  const proposal = openProposal(token, history);
  if (proposal === undefined) return refused('bad-proposal');
  const proven = { kind: 'valid', proposal, outcome, actions: proposal.payload.body.actions } as const;
  if (outcome === 'approved_override') {
    const act = openOverride(override, proposal, history);
    if (act === undefined) return refused('bad-override');
    const closed = closedBehind([act], { history, later, links, about: proposal.id });
    return closed === undefined
      ? refused('not-within-its-epoch')
      : { ...proven, closed, epoch: act.payload.ep, signers: [act.payload.voter] };
  }
  if (override !== undefined) return refused('malformed');
  const epoch = history[proposal.payload.ep] as EpochRules;
  const count = countCommits(read.data.commits, { proposal, epoch, rejecting: outcome === 'rejected' });
  if (typeof count === 'string') return refused(count);
  const closed = closedBehind(count, { history, later, links, about: proposal.id });
  if (closed === undefined) return refused('not-within-its-epoch');
  return { ...proven, closed, epoch: epoch.ep, signers: count.map(({ payload }) => payload.voter) };
}

/** Whether their epoch has ended; undefined: it has, and they are not shown to lie before its end. */
function closedBehind(
  statements: readonly Statement[],
  shown: {
    readonly history: History;
    readonly later: History;
    readonly links: readonly string[];
    readonly about: string;
  },
): boolean | undefined {
  const ep = statements[0]?.payload.ep ?? 0;
  const { fences } = [shown.history, shown.later].map((one) => one[ep]).find((one) => one?.fences !== undefined) ?? {};
  if (fences === undefined) return false;
  // What ended the epoch is named by its fences.
  const ended = (shown.history[ep + 1] ?? shown.later[ep + 1])?.base;
  if (shown.about === ended) return true;
  return isWithin(
    statements.map(({ id }) => id),
    fences,
    shown.links,
  )
    ? true
    : undefined;
}

/** An epoch, and where it is shown to have ended, the fences that say what of it counts. */
type Known = EpochRules & { readonly fences?: readonly StatementOf<'fence'>[] | undefined };
type History = readonly Known[];

/** The rules of every epoch that the proofs lead to; undefined when one does not hold. */
function walk(proofs: readonly EpochProof[], genesis: EpochRules): History | undefined {
  const history: Known[] = [genesis];
  for (const proof of proofs) {
    const epoch = history.at(-1) as EpochRules;
    const change = openProposal(proof.change, history);
    const action = change?.payload.body.actions[0];
    if (change === undefined || action === undefined || change.payload.ep !== epoch.ep) return undefined;
    if (typeof countCommits(proof.commits, { proposal: change, epoch, rejecting: false }) === 'string')
      return undefined;
    if (action.op === 'recover' && !hasIntent(proof, action, history)) return undefined;
    if (action.op !== 'amend' && action.op !== 'expel' && action.op !== 'recover') return undefined;
    const fences = fencesIn(proof.fences, { change, epoch });
    if (fences === undefined) return undefined;
    const rules = rulesAfter(action, epoch.rules);
    const { kids: signers } = ballotFor(change.payload.body, epoch.rules);
    history.splice(-1, 1, { ...epoch, fences: stayingFences(fences, { signers, next: rules.kids }) });
    history.push({ net: epoch.net, ep: epoch.ep + 1, base: change.id, rules });
  }
  return history;
}

function hasIntent(
  { intent }: EpochProof,
  final: Extract<Action, { op: 'recover' }>,
  history: readonly EpochRules[],
): boolean {
  const epoch = history.at(-1) as EpochRules;
  const proposal = intent === undefined ? undefined : openProposal(intent.proposal, history);
  const action = proposal?.payload.body.actions[0];
  if (intent === undefined || proposal === undefined || action?.op !== 'recover') return false;
  return (
    proposal.id === final.intent &&
    proposal.payload.ep === epoch.ep &&
    action.intent === null &&
    action.voter === final.voter &&
    action.key === final.key &&
    typeof countCommits(intent.commits, { proposal, epoch, rejecting: false }) !== 'string'
  );
}

/** The fences that close the epoch; undefined when they do not. */
function fencesIn(
  tokens: readonly string[],
  { change, epoch }: { change: StatementOf<'proposal'>; epoch: EpochRules },
): readonly StatementOf<'fence'>[] | undefined {
  const { voters: signers } = ballotFor(change.payload.body, epoch.rules);
  const fences: StatementOf<'fence'>[] = [];
  const signed = new Map<string | null, Set<string>>();
  for (const token of tokens) {
    const fence = open(token, 'fence', epoch);
    if (fence === undefined || fence.payload.body.change !== change.id) return undefined;
    if (fence.payload.body.without === fence.payload.voter) return undefined;
    fences.push(fence);
    const { without } = fence.payload.body;
    signed.set(without, (signed.get(without) ?? new Set()).add(fence.payload.voter));
  }
  const without = enough({ signers, signed });
  return without === undefined ? undefined : fences.filter(({ payload }) => payload.body.without === without);
}

function openProposal(token: string, history: readonly EpochRules[]): StatementOf<'proposal'> | undefined {
  for (const epoch of history) {
    const proposal = open(token, 'proposal', epoch);
    if (proposal !== undefined) return objectTo(proposal, epoch) === undefined ? proposal : undefined;
  }
  return undefined;
}

function openOverride(
  token: string | undefined,
  proposal: StatementOf<'proposal'>,
  history: readonly EpochRules[],
): StatementOf<'override'> | undefined {
  const { type, actions } = proposal.payload.body;
  if (token === undefined || (type !== 'minor_change' && type !== 'major_change')) return undefined;
  for (const epoch of history) {
    const override = open(token, 'override', epoch);
    if (override === undefined || override.payload.voter !== epoch.rules.overseer) continue;
    const { body } = override.payload;
    const fits = body.proposal === proposal.id && body.action === 'approve';
    if (fits && actions.every((action) => isForOverlay(action, epoch.rules))) return override;
  }
  return undefined;
}

/** The voters whose commits prove it, each verified by itself. */
function countCommits(
  tokens: readonly string[],
  { proposal, epoch, rejecting }: { proposal: StatementOf<'proposal'>; epoch: EpochRules; rejecting: boolean },
): readonly StatementOf<'commit'>[] | CertificateRefusal {
  const ballot: Ballot = ballotFor(proposal.payload.body, epoch.rules);
  const signers = new Map<string, StatementOf<'commit'>>();
  for (const token of tokens) {
    const commit = open(token, 'commit', epoch);
    if (commit === undefined || !ballot.kids.includes(commit.kid)) return 'bad-commit';
    const { body, voter } = commit.payload;
    if (body.proposal !== proposal.id || body.ratifies === true) return 'bad-commit';
    if ((body.value === 'approve') === rejecting) return 'bad-commit';
    if (signers.has(voter)) return 'repeated-voter';
    signers.set(voter, commit);
  }
  const needed = rejecting ? ballot.kids.length - ballot.required + 1 : ballot.required;
  return signers.size < needed ? 'too-few' : [...signers.values()];
}

/** A statement of this kind by a voter of this very epoch. */
function open<K extends StatementKind>(token: string, kind: K, epoch: EpochRules): StatementOf<K> | undefined {
  const opened = openStatement(token, { net: epoch.net, keyOf: (kid) => keyWith(kid, epoch.rules) });
  if (opened.kind !== 'opened') return undefined;
  const { statement } = opened;
  const { payload } = statement;
  const fits =
    payload.kind === kind && payload.ep === epoch.ep && epoch.rules.kids.get(payload.voter) === statement.kid;
  return fits ? (statement as StatementOf<K>) : undefined;
}

function keyWith(kid: string, { kids, voters }: Rules): string | undefined {
  for (const [voter, known] of kids) if (known === kid) return voters.get(voter);
  return undefined;
}

function refused(because: CertificateRefusal): CertificateVerdict {
  return { kind: 'refused', because };
}
