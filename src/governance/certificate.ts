import { z } from 'zod';
import type { EpochEnd } from './epochs.ts';
import { linksTo, MAX_LINKS, oneOfEach, stayingFences } from './fence-proof.ts';
import type { Ledger } from './ledger.ts';
import { MAX_STATEMENT_BYTES, type Statement, type StatementOf } from './statement.ts';
import { ballotFor } from './validity.ts';

const Token = z.string().max(MAX_STATEMENT_BYTES);
const Commits = z.array(Token).max(9);

/** How an epoch ended: the approved change, and the fences that closed the epoch behind it. */
export const EpochProof = z.strictObject({
  change: Token,
  commits: Commits,
  fences: z.array(Token).max(32),
  /** For `recover`: the intent that it makes final. */
  intent: z.strictObject({ proposal: Token, commits: Commits }).optional(),
});
export type EpochProof = z.infer<typeof EpochProof>;

/** A decision's proof, checked offline from the village's id alone. Statements are tokens. */
export const Certificate = z.strictObject({
  v: z.literal(1),
  net: z.string().regex(/^[0-9a-f]{64}$/),
  /** The genesis document; its hash is `net`. */
  constitution: z.unknown(),
  /** How each epoch ended, from the first to its own where that has ended. */
  epochs: z.array(EpochProof).max(256),
  proposal: Token,
  outcome: z.enum(['approved', 'rejected', 'approved_override']),
  commits: Commits,
  override: Token.optional(),
  /** Of an epoch that has ended: signing inputs of the statements that lead from its fences back to those above. */
  links: z.array(Token).max(MAX_LINKS).optional(),
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
  const commits = override === undefined ? commitsFor(ledger, id, outcome === 'rejected') : [];
  // A proposal lies before whoever answered it: their statements name it by its hash.
  const targets = override === undefined ? commits.map((one) => one.id) : [override.id];
  const links = linksFor(ledger, last, { about: id, targets });
  return {
    v: 1,
    net: ledger.net,
    constitution: ledger.constitution,
    epochs: historyOf(ledger).slice(0, links === undefined ? last : last + 1),
    proposal: proposal.token,
    outcome,
    commits: tokensOf(commits),
    ...(override === undefined ? {} : { override: override.token }),
    ...(links === undefined ? {} : { links: [...links] }),
  };
}

/** How every epoch so far ended: with it a verifier sees which epochs are closed. */
export function historyOf(ledger: Ledger): EpochProof[] {
  return ledger.epochs().flatMap(({ end }) => (end === undefined ? [] : epochProof(ledger, end)));
}

/** undefined: the epoch has not ended. */
function linksFor(
  ledger: Ledger,
  ep: number,
  { about, targets }: { about: string; targets: readonly string[] },
): readonly string[] | undefined {
  const [epoch, next] = ledger.epochs().slice(ep, ep + 2);
  if (epoch?.end === undefined || next === undefined) return undefined;
  if (epoch.end.change === about) return [];
  const change = ledger.get(epoch.end.change) as StatementOf<'proposal'>;
  const { kids: signers } = ballotFor(change.payload.body, epoch.rules);
  const fences = stayingFences(epoch.end.fences, { signers, next: next.rules.kids });
  return linksTo(targets, fences, (id) => ledger.get(id));
}

function tokensOf(statements: readonly Statement[]): string[] {
  return statements.map(({ token }) => token);
}

function epochProof(ledger: Ledger, end: EpochEnd): EpochProof {
  const change = ledger.get(end.change) as StatementOf<'proposal'>;
  const action = change.payload.body.actions[0];
  const intent = action?.op === 'recover' && action.intent !== null ? ledger.get(action.intent) : undefined;
  return {
    change: change.token,
    commits: tokensOf(commitsFor(ledger, change.id, false)),
    fences: tokensOf(oneOfEach(end.fences)),
    ...(intent === undefined
      ? {}
      : { intent: { proposal: intent.token, commits: tokensOf(commitsFor(ledger, intent.id, false)) } }),
  };
}

/** As many counting commits as prove it, one a voter. */
function commitsFor(ledger: Ledger, id: string, rejecting: boolean): Statement[] {
  const view = ledger.proposal(id);
  const { rules, end } = ledger.epochs()[view?.ep ?? 0] ?? {};
  // The fences close behind the change that they name, wherever the commits on it stand.
  const endsItsEpoch = end?.change === id;
  const statements = (view?.voters ?? []).flatMap((voter) => {
    const said =
      ledger
        .registers()
        .commitsOn(id)
        .get(rules?.kids.get(voter) ?? '') ?? [];
    const fitting = said.filter(
      (one) =>
        (one.payload.body.value === 'approve') !== rejecting &&
        one.payload.ep === view?.ep &&
        (endsItsEpoch || ledger.counts(one)),
    );
    return fitting.slice(0, 1);
  });
  const needed = rejecting ? (view?.voters.length ?? 0) - (view?.required ?? 0) + 1 : (view?.required ?? 0);
  return statements.slice(0, needed);
}
