import type { PolicyValue } from '../../src/constitution/index.ts';
import {
  GENESIS,
  leastType,
  type ProposalBody,
  type ProposalType,
  prospect,
  type Statement,
  type VoteBody,
} from '../../src/governance/index.ts';
import { sha256Hex } from '../../src/kernel/index.ts';
import { type Acting, type ActingOptions, done, refused } from './acting.ts';
import type {
  Acted,
  ActRefusal,
  Actor,
  CallRequest,
  OverrideRequest,
  ProposeRequest,
  VoteRequest,
  WaitOptions,
} from './desk.ts';
import { draftOf, isSignable, objectToType, signable } from './drafts.ts';
import { matchesOverride, matchesProposal, matchesVote } from './handed-in.ts';
import { objectToVote, questionAbout } from './questions.ts';
import type { Sponsored, Sponsoring } from './sponsor.ts';
import type { Call } from './voted-calls.ts';

/** How long the vote that decides waits for the others' commits. */
const DECISION_MS = 2_000;

export interface ActsOptions extends ActingOptions {
  readonly acting: Acting;
  readonly nonce: () => string;
  readonly sponsoring: Sponsoring;
}

const WHOLE_NUMBERS = 'voters sign the arguments, so numbers in them must be whole and of at most 15 digits';

/** What agents do: propose, vote, override. Each is checked here, then signed by the voter's key, or taken in as the voter signed it. */
export class Acts {
  readonly #options: ActsOptions;
  readonly #acting: Acting;

  constructor(options: ActsOptions) {
    this.#options = options;
    this.#acting = options.acting;
  }

  leastType(configUpdates: Readonly<Record<string, unknown>>): string {
    const { chronicle } = this.#options;
    const changes = Object.entries(configUpdates).map(
      ([key, value]) => ({ op: 'set', key, base: GENESIS, value: value as PolicyValue }) as const,
    );
    return leastType(changes, chronicle.ledger.epoch().rules);
  }

  /** Answers the proposal's id. */
  async propose(request: ProposeRequest, by: Actor, options: WaitOptions): Promise<Acted<string>> {
    if (request.signedStatement !== undefined) {
      return this.#acting.handedIn(request.signedStatement, by, (statement) => matchesProposal(statement, request));
    }
    const obstacle = await this.#acting.ready(by, options);
    if (obstacle !== undefined) return refused(obstacle);
    const { chronicle, signer, village, nonce, voting } = this.#options;
    const { ledger } = chronicle;
    const draft = draftOf(request, {
      ledger,
      net: village.villageId,
      policy: village.policy(),
      nonce: nonce(),
    });
    if (draft.kind === 'refused') return draft;
    const { type, actions } = draft;
    const objection = objectToType(type, actions, ledger) ?? this.#acting.objectToEmergency(type, by);
    if (objection !== undefined) return refused(objection);
    const periodMs = ledger.epoch().rules.periodMs[type];
    const impact =
      request.impact === undefined ? {} : { impact: signable(request.impact) as NonNullable<ProposalBody['impact']> };
    const signed = await signer.sign(by.agentId, 'proposal', (ts) => ({
      type,
      title: request.title.normalize('NFC'),
      description: request.description.normalize('NFC'),
      actions: [...actions],
      deadline: ts + periodMs,
      ...impact,
    }));
    if (signed === undefined) return refused(this.#acting.lost(by));
    const known = ledger.proposal(signed.id);
    if (known?.outcome === 'invalid')
      return refused({ code: 'INVALID_CHANGE', message: `the rules do not allow it: ${known.invalid}` });
    if (request.autoVote) {
      await this.#castVote(by.agentId, { proposal: signed.id, value: 'approve', reasoning: 'proposed it' });
      await voting.settle(by.agentId, { question: signed.id, final: type === 'emergency_action' });
    }
    return done(signed.id);
  }

  /**
   * Has a call proposed: by a voter whose key is here, or on another node; to sponsor it is no vote. Answers the proposal's id.
   */
  async proposeCall(request: CallRequest, by: Actor, options: WaitOptions): Promise<Acted<string>> {
    const { chronicle, signer, nonce, nodeId, sponsoring } = this.#options;
    if (!isSignable(request.arguments)) return refused({ code: 'INVALID_ARGUMENTS', message: WHOLE_NUMBERS });
    const { tool } = request;
    const type = request.type as Exclude<ProposalType, 'emergency_action'>;
    const args = request.arguments as Call['arguments'];
    const call: Call = { op: 'call', node: nodeId, agent: by.agentId, tool, arguments: args, nonce: nonce() };
    if (signer.voters().length > 0) await this.#acting.able(signer.voters()[0] ?? '', options);
    const sponsored = await sponsoring.seek(call, type, options);
    if (sponsored.kind === 'refused') return refused(noSponsor(sponsored.because));
    await chronicle.take(sponsored.token, nodeId).kept;
    const id = sha256Hex(sponsored.token.slice(0, sponsored.token.lastIndexOf('.')));
    return chronicle.ledger.has(id) ? done(id) : refused(noSponsor('busy'));
  }

  /** Answers the proposal's id. */
  async vote(request: VoteRequest, by: Actor, options: WaitOptions): Promise<Acted<string>> {
    const { proposalId, vote, reasoning, conditions, final, signedStatement } = request;
    const { chronicle, clock, voting } = this.#options;
    if (signedStatement !== undefined) {
      const acted = await this.#acting.handedIn(signedStatement, by, (statement) => matchesVote(statement, request));
      return acted.kind === 'refused' ? acted : done(proposalId);
    }
    const obstacle = await this.#acting.ready(by, options);
    if (obstacle !== undefined) return refused(obstacle);
    const asked = questionAbout(proposalId, chronicle.ledger);
    if (asked === undefined) return refused(unknown(proposalId));
    const objection = objectToVote(asked, { voter: by.agentId, nowMs: clock.wallMs() });
    if (objection !== undefined) return refused(objection);
    const more = conditions.length === 0 ? {} : { conditions: conditions.map((one) => one.normalize('NFC')) };
    const body = { ...asked.about, value: vote, reasoning: reasoning.normalize('NFC'), ...more };
    const cast = await this.#castVote(by.agentId, body);
    if (cast === undefined) return refused(this.#acting.lost(by));
    await voting.settle(by.agentId, { question: asked.name, final });
    // With its commit out, and as many who want the same, only the others' commits are awaited; with fewer, nothing will come.
    const question = () => questionAbout(proposalId, chronicle.ledger);
    const kid = chronicle.ledger.epoch().rules.kids.get(by.agentId) ?? '';
    const committed = chronicle.ledger.registers().commitsOn(asked.name).has(kid);
    const voted = question();
    if (committed && voted !== undefined && prospect(voted, chronicle.ledger) !== undefined) {
      const isDecided = () => question()?.outcome !== 'open';
      await voting.until(isDecided, { withinMs: DECISION_MS, signal: options.signal });
    }
    return done(proposalId);
  }

  /** Answers the id of what was laid over the policy. */
  async override(request: OverrideRequest, by: Actor, options: WaitOptions): Promise<Acted<string>> {
    const { proposalId, action, justification, signedStatement } = request;
    const { chronicle, signer } = this.#options;
    if (signedStatement !== undefined) {
      return this.#acting.handedIn(signedStatement, by, (statement) => matchesOverride(statement, request));
    }
    const obstacle = (await this.#acting.ready(by, options)) ?? this.#acting.objectToEmergency('emergency_action', by);
    if (obstacle !== undefined) return refused(obstacle);
    const known = chronicle.ledger.proposal(proposalId);
    if (known === undefined) return refused(unknown(proposalId));
    const signed = await signer.sign(by.agentId, 'override', () => ({
      proposal: proposalId,
      action,
      justification: justification.normalize('NFC').trim(),
    }));
    if (signed === undefined) return refused(this.#acting.lost(by));
    const laid = chronicle.ledger.policy().overlay.find(({ id }) => id === signed.id);
    if (laid?.ended === 'void') {
      return refused({ code: 'NOT_FOR_OVERRIDE', message: 'the rules do not let the king override this' });
    }
    return done(signed.id);
  }

  #castVote(voter: string, body: VoteBody): Promise<Statement | undefined> {
    return this.#options.signer.sign(voter, 'vote', () => body);
  }
}

function noSponsor(because: Extract<Sponsored, { kind: 'refused' }>['because']): ActRefusal {
  const message = `no voter's node took the request (${because}); try again, or ask a voter to propose it`;
  return { code: 'NO_SPONSOR', message, ...(because === 'rate' || because === 'busy' ? { retryAfterMs: 10_000 } : {}) };
}

function unknown(proposalId: string): ActRefusal {
  return { code: 'UNKNOWN_PROPOSAL', message: `this node knows no proposal ${proposalId}` };
}
