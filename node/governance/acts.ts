import type { PolicyValue } from '../../src/constitution/index.ts';
import {
  GENESIS,
  leastType,
  type ProposalBody,
  type ProposalType,
  type Statement,
  type VoteBody,
} from '../../src/governance/index.ts';
import { sha256Hex } from '../../src/kernel/index.ts';
import type { Chronicle } from './chronicle.ts';
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
import { matchesVote, matchesProposal, matchesOverride, openHandedIn } from './handed-in.ts';
import type { GovernanceClock, GovernanceVillage } from './ports.ts';
import { objectToVote, questionAbout } from './questions.ts';
import type { Signer } from './signer.ts';
import type { Sponsored, Sponsoring } from './sponsor.ts';
import type { Call } from './voted-calls.ts';
import type { Voting } from './voting.ts';

/** A token older than this must not cast what cannot be taken back. */
const MAX_TOKEN_AGE_MS = 5 * 60_000;
/** How long an act waits until this node knows what its voters signed before. */
const READY_MS = 6_000;
/** How long the vote that decides waits for the others' commits. */
const DECISION_MS = 2_000;
const KING_SPACING_MS = 60_000;

export interface ActsOptions {
  readonly nodeId: string;
  readonly chronicle: Chronicle;
  readonly signer: Signer;
  readonly voting: Voting;
  readonly village: GovernanceVillage;
  readonly clock: GovernanceClock;
  readonly nonce: () => string;
  readonly sponsoring: Sponsoring;
}

const WHOLE_NUMBERS = 'voters sign the arguments, so numbers in them must be whole and of at most 15 digits';

/** What agents do: propose, vote, override. Each is checked here, then signed by the voter's key, or taken in as the voter signed it. */
export class Acts {
  readonly #options: ActsOptions;

  constructor(options: ActsOptions) {
    this.#options = options;
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
      return this.#handedIn(request.signedStatement, by, (statement) => matchesProposal(statement, request));
    }
    const obstacle = await this.#ready(by, options);
    if (obstacle !== undefined) return refused(obstacle);
    const { chronicle, signer, village, nonce, voting } = this.#options;
    const { ledger } = chronicle;
    const draft = draftOf(request, { ledger, valueOf: (key) => village.policy().value(key), nonce: nonce() });
    if (draft.kind === 'refused') return draft;
    const { type, actions } = draft;
    const objection = objectToType(type, actions, ledger) ?? this.#objectToEmergency(type, by);
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
    if (signed === undefined) return refused(this.#lost(by));
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
    if (signer.voters().length > 0) await this.#able(signer.voters()[0] ?? '', options);
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
      const acted = await this.#handedIn(signedStatement, by, (statement) => matchesVote(statement, request));
      return acted.kind === 'refused' ? acted : done(proposalId);
    }
    const obstacle = await this.#ready(by, options);
    if (obstacle !== undefined) return refused(obstacle);
    const asked = questionAbout(proposalId, chronicle.ledger);
    if (asked === undefined) return refused(unknown(proposalId));
    const objection = objectToVote(asked, { voter: by.agentId, nowMs: clock.wallMs() });
    if (objection !== undefined) return refused(objection);
    const more = conditions.length === 0 ? {} : { conditions: conditions.map((one) => one.normalize('NFC')) };
    const body = { ...asked.about, value: vote, reasoning: reasoning.normalize('NFC'), ...more };
    const cast = await this.#castVote(by.agentId, body);
    if (cast === undefined) return refused(this.#lost(by));
    await voting.settle(by.agentId, { question: asked.name, final });
    // Its commit is out: the vote has what it needs, and only the others' commits are awaited.
    const kid = chronicle.ledger.epoch().rules.kids.get(by.agentId) ?? '';
    const committed = chronicle.ledger.registers().commitsOn(asked.name).has(kid);
    const isDecided = () => questionAbout(proposalId, chronicle.ledger)?.outcome !== 'open';
    if (committed) await voting.until(isDecided, { withinMs: DECISION_MS, signal: options.signal });
    return done(proposalId);
  }

  /** Answers the id of what was laid over the policy. */
  async override(request: OverrideRequest, by: Actor, options: WaitOptions): Promise<Acted<string>> {
    const { proposalId, action, justification, signedStatement } = request;
    const { chronicle, signer } = this.#options;
    if (signedStatement !== undefined) {
      return this.#handedIn(signedStatement, by, (statement) => matchesOverride(statement, request));
    }
    const obstacle = (await this.#ready(by, options)) ?? this.#objectToEmergency('emergency_action', by);
    if (obstacle !== undefined) return refused(obstacle);
    const known = chronicle.ledger.proposal(proposalId);
    if (known === undefined) return refused(unknown(proposalId));
    const signed = await signer.sign(by.agentId, 'override', () => ({
      proposal: proposalId,
      action,
      justification: justification.normalize('NFC').trim(),
    }));
    if (signed === undefined) return refused(this.#lost(by));
    const laid = chronicle.ledger.policy().overlay.find(({ id }) => id === signed.id);
    if (laid?.ended === 'void') {
      return refused({ code: 'NOT_FOR_OVERRIDE', message: 'the rules do not let the king override this' });
    }
    return done(signed.id);
  }

  #castVote(voter: string, body: VoteBody): Promise<Statement | undefined> {
    return this.#options.signer.sign(voter, 'vote', () => body);
  }

  /** The king acts alone: once a minute, and nobody else. */
  #objectToEmergency(type: string, { agentId }: Actor): ActRefusal | undefined {
    if (type !== 'emergency_action') return undefined;
    const { chronicle, clock } = this.#options;
    const { overseer } = chronicle.ledger.epoch().rules;
    if (agentId !== overseer)
      return { code: 'NOT_THE_KING', message: `only ${overseer ?? 'nobody'} may do this alone` };
    const last = Math.max(
      ...chronicle.ledger
        .policy()
        .overlay.filter((one) => one.by === agentId && one.ended !== 'void')
        .map(({ ts }) => ts),
      Number.NEGATIVE_INFINITY,
    );
    const waitMs = last + KING_SPACING_MS - clock.wallMs();
    if (waitMs <= 0) return undefined;
    return { code: 'TOO_SOON', message: 'the king acts alone once a minute', retryAfterMs: waitMs };
  }

  /** Why this agent cannot act here now; waits a moment where that will pass. */
  async #ready(by: Actor, options: WaitOptions): Promise<ActRefusal | undefined> {
    const { clock, nodeId, chronicle } = this.#options;
    if (!chronicle.ledger.epoch().rules.voters.has(by.agentId)) {
      return { code: 'NOT_A_VOTER', message: `${by.agentId} is no voter of this village` };
    }
    const signing = { detail: { signed_statement: this.#nextOf(by.agentId) } };
    if (by.homeNode !== nodeId) {
      const message = 'ask the node that holds your key, or hand in a signed_statement';
      return { code: 'NOT_YOUR_NODE', message, ...signing };
    }
    if (clock.wallMs() - by.issuedAtMs > MAX_TOKEN_AGE_MS) {
      const message =
        'this wants a token at most 5 minutes old: get a new one and call again, or hand in a signed_statement';
      return { code: 'TOKEN_TOO_OLD', message, ...signing };
    }
    const obstacle = await this.#able(by.agentId, options);
    return obstacle?.code === 'KEY_NOT_HERE' ? { ...obstacle, ...signing } : obstacle;
  }

  /** What whoever signs outside needs besides kind, time and body. */
  #nextOf(voter: string): Readonly<Record<string, unknown>> {
    const { chronicle, village } = this.#options;
    const { ep, rules } = chronicle.ledger.epoch();
    const kid = rules.kids.get(voter);
    const last = kid === undefined ? undefined : chronicle.logs().get(kid)?.at(-1);
    return { v: 1, net: village.villageId, ep, voter, seq: (last?.seq ?? 0) + 1, prev: last?.id ?? null, kid };
  }

  /** Why this voter cannot sign here; waits a moment where that will pass. */
  async #able(voter: string, { signal }: WaitOptions): Promise<ActRefusal | undefined> {
    const { signer, voting } = this.#options;
    await voting.until(() => signer.obstacle(voter)?.retryAfterMs === undefined, { withinMs: READY_MS, signal });
    return signer.obstacle(voter);
  }

  #lost({ agentId }: Actor): ActRefusal {
    return (
      this.#options.signer.obstacle(agentId) ?? {
        code: 'NOT_SIGNED',
        message: 'the key did not sign; try again',
        retryAfterMs: 1_000,
      }
    );
  }

  /** A statement that the voter signed elsewhere. Answers its id. */
  async #handedIn(token: string, by: Actor, matches: (statement: Statement) => boolean): Promise<Acted<string>> {
    const { chronicle, village } = this.#options;
    const opened = openHandedIn(token, { ledger: chronicle.ledger, net: village.villageId });
    if (opened.kind === 'refused') return opened;
    const { statement } = opened;
    if (statement.payload.voter !== by.agentId)
      return refused({ code: 'NOT_YOURSELF', message: `it is signed by ${statement.payload.voter}` });
    if (!matches(statement))
      return refused({ code: 'OTHER_CONTENT', message: 'the signed statement says something else than the arguments' });
    const taken = chronicle.take(token, by.homeNode);
    if (taken.kind === 'bad' || taken.kind === 'parked')
      return refused({ code: 'NOT_ACCEPTED', message: 'the statement does not count here' });
    await taken.kept;
    return done(statement.id);
  }
}

function noSponsor(because: Extract<Sponsored, { kind: 'refused' }>['because']): ActRefusal {
  const message = `no voter's node took the request (${because}); try again, or ask a voter to propose it`;
  return { code: 'NO_SPONSOR', message, ...(because === 'rate' || because === 'busy' ? { retryAfterMs: 10_000 } : {}) };
}

function unknown(proposalId: string): ActRefusal {
  return { code: 'UNKNOWN_PROPOSAL', message: `this node knows no proposal ${proposalId}` };
}

function done<T>(value: T): Acted<T> {
  return { kind: 'done', value };
}

function refused<T>(refusal: ActRefusal): Acted<T> {
  return { kind: 'refused', refusal };
}
