import { z } from 'zod';
import { Constitution, villageIdOf } from '../constitution/index.ts';
import type { Action } from './body.ts';
import { openStatement } from './codec.ts';
import { enough } from './fencing.ts';
import { GENESIS } from './body.ts';
import type { Ledger } from './ledger.ts';
import { isForOverlay } from './least-type.ts';
import { genesisRules, type Rules } from './rules.ts';
import { MAX_STATEMENT_BYTES, type StatementKind, type StatementOf } from './statement.ts';
import { type Ballot, ballotFor, type EpochRules, objectTo, rulesAfter } from './validity.ts';

const Token = z.string().max(MAX_STATEMENT_BYTES);
const Commits = z.array(Token).max(9);

/** How an epoch ended: the approved change, and the fences that closed the epoch behind it. */
const EpochProof = z.strictObject({
  change: Token,
  commits: Commits,
  fences: z.array(Token).max(32),
  /** For `recover`: the intent that it makes final. */
  intent: z.strictObject({ proposal: Token, commits: Commits }).optional(),
});
type EpochProof = z.infer<typeof EpochProof>;

/** A decision's proof, checked offline from the village's id alone. Statements are tokens. */
export const Certificate = z.strictObject({
  v: z.literal(1),
  net: z.string().regex(/^[0-9a-f]{64}$/),
  /** The genesis document; its hash is `net`. */
  constitution: z.unknown(),
  /** How each epoch ended, from the first to the one before the last that this proof needs. */
  epochs: z.array(EpochProof).max(256),
  proposal: Token,
  outcome: z.enum(['approved', 'rejected', 'approved_override']),
  commits: Commits,
  override: Token.optional(),
});
export type Certificate = z.infer<typeof Certificate>;

/** The proof of a decided proposal; undefined while there is none. */
export function certificateOf(ledger: Ledger, id: string): Certificate | undefined {
  const view = ledger.proposal(id);
  const proposal = ledger.get(id);
  if (view === undefined || proposal === undefined) return undefined;
  const { outcome } = view;
  if (outcome !== 'approved' && outcome !== 'rejected' && outcome !== 'approved_override') return undefined;
  const entry = ledger
    .policy()
    .overlay.find((one) => one.kind === 'approve' && one.proposal === id && one.ended !== 'void');
  const override = outcome === 'approved_override' ? ledger.get(entry?.id ?? '') : undefined;
  const last = Math.max(view.ep, override?.payload.ep ?? 0);
  const epochs = ledger.epochs().slice(0, last);
  return {
    v: 1,
    net: ledger.net,
    constitution: ledger.constitution,
    epochs: epochs.flatMap(({ end }) => (end === undefined ? [] : epochProof(ledger, end))),
    proposal: proposal.token,
    outcome,
    commits: override === undefined ? commitsFor(ledger, id, outcome === 'rejected') : [],
    ...(override === undefined ? {} : { override: override.token }),
  };
}

function epochProof(ledger: Ledger, end: { change: string; fences: readonly StatementOf<'fence'>[] }): EpochProof {
  const change = ledger.get(end.change) as StatementOf<'proposal'>;
  const action = change.payload.body.actions[0];
  const intent = action?.op === 'recover' && action.intent !== null ? ledger.get(action.intent) : undefined;
  return {
    change: change.token,
    commits: commitsFor(ledger, change.id, false),
    fences: [...new Map(end.fences.map((fence) => [fence.kid, fence.token])).values()],
    ...(intent === undefined
      ? {}
      : { intent: { proposal: intent.token, commits: commitsFor(ledger, intent.id, false) } }),
  };
}

/** As many counting commits as prove it, one a voter. */
function commitsFor(ledger: Ledger, id: string, rejecting: boolean): string[] {
  const view = ledger.proposal(id);
  const rules = ledger.epochs()[view?.ep ?? 0]?.rules;
  const tokens = (view?.voters ?? []).flatMap((voter) => {
    const said =
      ledger
        .registers()
        .commitsOn(id)
        .get(rules?.kids.get(voter) ?? '') ?? [];
    const fitting = said.filter(
      (one) =>
        (one.payload.body.value === 'approve') !== rejecting && one.payload.ep === view?.ep && ledger.counts(one),
    );
    return fitting.slice(0, 1).map(({ token }) => token);
  });
  const needed = rejecting ? (view?.voters.length ?? 0) - (view?.required ?? 0) + 1 : (view?.required ?? 0);
  return tokens.slice(0, needed);
}

export type CertificateRefusal =
  | 'malformed'
  | 'foreign-village'
  | 'bad-epoch'
  | 'bad-proposal'
  | 'bad-commit'
  | 'repeated-voter'
  | 'too-few'
  | 'bad-override';
export type CertificateVerdict =
  | {
      readonly kind: 'valid';
      readonly proposal: StatementOf<'proposal'>;
      readonly outcome: Certificate['outcome'];
      /** Who signed: the committing voters, or the overseer. */
      readonly signers: readonly string[];
      readonly actions: readonly Action[];
    }
  | { readonly kind: 'refused'; readonly because: CertificateRefusal };

/** Whether `certificate` proves its decision in the village with this id. Needs nothing else; never throws. */
export function verifyCertificate(certificate: unknown, { net }: { net: string }): CertificateVerdict {
  const read = Certificate.safeParse(certificate);
  if (!read.success) return refused('malformed');
  const { constitution, epochs, outcome, override, proposal: token } = read.data;
  const genesis = Constitution.safeParse(constitution);
  if (!genesis.success) return refused('malformed');
  if (read.data.net !== net || villageIdOf(genesis.data) !== net) return refused('foreign-village');
  const history = walk(epochs, { net, ep: 0, base: GENESIS, rules: genesisRules(genesis.data) });
  if (history === undefined) return refused('bad-epoch');

  const proposal = openProposal(token, history);
  if (proposal === undefined) return refused('bad-proposal');
  const proven = { kind: 'valid', proposal, outcome, actions: proposal.payload.body.actions } as const;
  if (outcome === 'approved_override') {
    const signer = openOverride(override, proposal, history);
    return signer === undefined ? refused('bad-override') : { ...proven, signers: [signer] };
  }
  if (override !== undefined) return refused('malformed');
  const epoch = history[proposal.payload.ep] as EpochRules;
  const count = countCommits(read.data.commits, { proposal, epoch, rejecting: outcome === 'rejected' });
  return typeof count === 'string' ? refused(count) : { ...proven, signers: count };
}

/** The rules of every epoch that the proofs lead to; undefined when one does not hold. */
function walk(proofs: readonly EpochProof[], genesis: EpochRules): readonly EpochRules[] | undefined {
  const history = [genesis];
  for (const proof of proofs) {
    const epoch = history.at(-1) as EpochRules;
    const change = openProposal(proof.change, history);
    const action = change?.payload.body.actions[0];
    if (change === undefined || action === undefined || change.payload.ep !== epoch.ep) return undefined;
    if (typeof countCommits(proof.commits, { proposal: change, epoch, rejecting: false }) === 'string')
      return undefined;
    if (action.op === 'recover' && !hasIntent(proof, action, history)) return undefined;
    if (action.op !== 'amend' && action.op !== 'expel' && action.op !== 'recover') return undefined;
    if (!isFenced(proof.fences, { change, epoch })) return undefined;
    history.push({ net: epoch.net, ep: epoch.ep + 1, base: change.id, rules: rulesAfter(action, epoch.rules) });
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

function isFenced(
  tokens: readonly string[],
  { change, epoch }: { change: StatementOf<'proposal'>; epoch: EpochRules },
): boolean {
  const { voters: signers } = ballotFor(change.payload.body, epoch.rules);
  const signed = new Map<string | null, Set<string>>();
  for (const token of tokens) {
    const fence = open(token, 'fence', epoch);
    if (fence === undefined || fence.payload.body.change !== change.id) return false;
    const { without } = fence.payload.body;
    signed.set(without, (signed.get(without) ?? new Set()).add(fence.payload.voter));
  }
  return enough({ signers, signed }) !== undefined;
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
): string | undefined {
  const { type, actions } = proposal.payload.body;
  if (token === undefined || (type !== 'minor_change' && type !== 'major_change')) return undefined;
  for (const epoch of history) {
    const override = open(token, 'override', epoch);
    if (override === undefined || override.payload.voter !== epoch.rules.overseer) continue;
    const { body, voter } = override.payload;
    const fits = body.proposal === proposal.id && body.action === 'approve';
    if (fits && actions.every((action) => isForOverlay(action, epoch.rules))) return voter;
  }
  return undefined;
}

/** The voters whose commits prove it, each verified by itself. */
function countCommits(
  tokens: readonly string[],
  { proposal, epoch, rejecting }: { proposal: StatementOf<'proposal'>; epoch: EpochRules; rejecting: boolean },
): readonly string[] | CertificateRefusal {
  const ballot: Ballot = ballotFor(proposal.payload.body, epoch.rules);
  const signers = new Set<string>();
  for (const token of tokens) {
    const commit = open(token, 'commit', epoch);
    if (commit === undefined || !ballot.kids.includes(commit.kid)) return 'bad-commit';
    const { body, voter } = commit.payload;
    if (body.proposal !== proposal.id || body.ratifies === true) return 'bad-commit';
    if ((body.value === 'approve') === rejecting) return 'bad-commit';
    if (signers.has(voter)) return 'repeated-voter';
    signers.add(voter);
  }
  const needed = rejecting ? ballot.kids.length - ballot.required + 1 : ballot.required;
  return signers.size < needed ? 'too-few' : [...signers];
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
