import { type Acting, type ActingOptions, done, refused } from './acting.ts';
import type { Acted, ActRefusal, Actor, HoldRequest, TakeBackRequest, WaitOptions } from './desk.ts';
import { matchesHold, matchesTakingBack } from './handed-in.ts';

export interface LoneActsOptions extends ActingOptions {
  readonly acting: Acting;
}

/** What a voter does without the others: hold something back at once, and take back what is its own. */
export class LoneActs {
  readonly #options: LoneActsOptions;

  constructor(options: LoneActsOptions) {
    this.#options = options;
  }

  /** Answers the id of the hold: vote on it to keep or end it. */
  async hold(request: HoldRequest, by: Actor, options: WaitOptions): Promise<Acted<string>> {
    const { acting, signer, chronicle } = this.#options;
    const { target, justification, signedStatement } = request;
    if (signedStatement !== undefined) {
      const acted = await acting.handedIn(signedStatement, by, (statement) => matchesHold(statement, request));
      return acted.kind === 'refused' ? acted : this.#laid(acted.value);
    }
    const obstacle = (await acting.ready(by, options)) ?? this.#objectTo(request, by);
    if (obstacle !== undefined) return refused(obstacle);
    const body = { target: { ...target }, justification: justification.normalize('NFC').trim() };
    const signed = await signer.sign(by.agentId, 'hold', () => body);
    if (signed === undefined) return refused(acting.lost(by));
    return chronicle.ledger.has(signed.id) ? this.#laid(signed.id) : refused(acting.lost(by));
  }

  /** Ends what the voter itself put in force, or asks the others to reject its own open proposal. Answers the id it was given. */
  async takeBack(request: TakeBackRequest, by: Actor, options: WaitOptions): Promise<Acted<string>> {
    const { acting, signer, voting } = this.#options;
    const { id, signedStatement } = request;
    if (signedStatement !== undefined) {
      const acted = await acting.handedIn(signedStatement, by, (statement) => matchesTakingBack(statement, request));
      return acted.kind === 'refused' ? acted : done(id);
    }
    const obstacle = await acting.ready(by, options);
    if (obstacle !== undefined) return refused(obstacle);
    const mine = this.#mine(id, by);
    if ('code' in mine) return refused(mine);
    const signed =
      mine.kind === 'entry'
        ? await signer.sign(by.agentId, 'revoke', () => ({ entry: id }))
        : await signer.sign(by.agentId, 'withdraw', () => ({ proposal: id }));
    if (signed === undefined) return refused(acting.lost(by));
    voting.drive();
    return done(id);
  }

  /** Why signing it would be for nothing: what a hold does not reach, and what is held already. */
  #objectTo({ target }: HoldRequest, by: Actor): ActRefusal | undefined {
    const { ledger } = this.#options.chronicle;
    const { overlay } = ledger.policy();
    const isVoters =
      target.kind === 'agent' ? ledger.epoch().rules.voters.has(target.id) : ledger.homes().has(target.id);
    if (target.kind !== 'token' && isVoters) {
      const message = `no hold reaches a voter or the node with its key: ${target.id} can only be voted about`;
      return { code: 'NOT_FOR_HOLDS', message };
    }
    const laid = overlay.filter(({ target: held }) => held?.kind === target.kind && held.id === target.id);
    const standing = laid.find(({ inForce }) => inForce);
    if (standing !== undefined) return { code: 'HELD_ALREADY', message: `${standing.id} holds it already` };
    if (!laid.some(({ by: voter, ep }) => voter === by.agentId && ep === ledger.epoch().ep)) return undefined;
    const message = `${by.agentId} has held it once, and the others let it go: only a vote can now`;
    return { code: 'HELD_BEFORE', message };
  }

  #laid(id: string): Acted<string> {
    const laid = this.#options.chronicle.ledger.policy().overlay.find((entry) => entry.id === id);
    if (laid?.inForce === true) return done(id);
    return refused({ code: 'NOT_FOR_HOLDS', message: 'the rules do not let it hold this' });
  }

  #mine(id: string, { agentId }: Actor): { readonly kind: 'entry' | 'proposal' } | ActRefusal {
    const { ledger } = this.#options.chronicle;
    const entry = ledger.policy().overlay.find((one) => one.id === id);
    if (entry !== undefined) {
      if (entry.by !== agentId) {
        const message = `${entry.by} put it in force; the others end it by a vote: village gov revoke ${id}`;
        return { code: 'NOT_YOURS', message };
      }
      return entry.inForce ? { kind: 'entry' } : { code: 'ENDED_ALREADY', message: `it has ended: ${entry.ended}` };
    }
    const known = ledger.proposal(id);
    if (known === undefined) return { code: 'UNKNOWN_PROPOSAL', message: `this node knows no proposal ${id}` };
    if (known.proposer !== agentId) return { code: 'NOT_YOURS', message: `${known.proposer} proposed it` };
    if (known.outcome === 'open') return { kind: 'proposal' };
    const message = `it is ${known.outcome.replaceAll('_', ' ')}: it cannot be withdrawn any more`;
    return { code: 'ALREADY_DECIDED', message };
  }
}
