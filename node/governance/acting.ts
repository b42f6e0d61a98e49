import { sha256Hex } from '../../src/kernel/index.ts';
import type { Statement } from '../../src/governance/index.ts';
import type { Chronicle } from './chronicle.ts';
import type { Acted, ActRefusal, Actor, WaitOptions } from './desk.ts';
import { openHandedIn } from './handed-in.ts';
import type { GovernanceClock, GovernanceVillage } from './ports.ts';
import type { Signer } from './signer.ts';
import type { BroughtView, RulesView } from './views.ts';
import type { Voting } from './voting.ts';

/** A token older than this must not cast what cannot be taken back. */
const MAX_TOKEN_AGE_MS = 5 * 60_000;
/** How long an act waits until this node knows what its voters signed before. */
const READY_MS = 6_000;
const STATUS_OF = { news: 'taken', known: 'known', waits: 'waits', ended: 'refused', bad: 'refused' } as const;
const KING_SPACING_MS = 60_000;

export interface ActingOptions {
  readonly nodeId: string;
  readonly chronicle: Chronicle;
  readonly signer: Signer;
  readonly voting: Voting;
  readonly village: GovernanceVillage;
  readonly clock: GovernanceClock;
  /** Tells the village of a statement that was signed elsewhere. Never rejects. */
  readonly tell: (token: string) => Promise<void>;
}

/** Whether an agent may act as a voter here and now, and how what it signed elsewhere is taken in. */
export class Acting {
  readonly #options: ActingOptions;

  constructor(options: ActingOptions) {
    this.#options = options;
  }

  /** The king acts alone: once a minute, and nobody else. */
  objectToEmergency(type: string, { agentId }: Actor): ActRefusal | undefined {
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
  async ready(by: Actor, options: WaitOptions): Promise<ActRefusal | undefined> {
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
    if (chronicle.ledger.isFrozen(by.agentId)) {
      const message = 'who decides is changing: what you sign between two epochs would count in neither';
      return { code: 'EPOCH_CLOSING', message, retryAfterMs: 1_000 };
    }
    const obstacle = await this.able(by.agentId, options);
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
  async able(voter: string, { signal }: WaitOptions): Promise<ActRefusal | undefined> {
    const { signer, voting } = this.#options;
    await voting.until(() => signer.obstacle(voter)?.retryAfterMs === undefined, { withinMs: READY_MS, signal });
    return signer.obstacle(voter);
  }

  lost({ agentId }: Actor): ActRefusal {
    return (
      this.#options.signer.obstacle(agentId) ?? {
        code: 'NOT_SIGNED',
        message: 'the key did not sign; try again',
        retryAfterMs: 1_000,
      }
    );
  }

  /** Who decides now, and what whoever signs elsewhere needs besides kind, time and body. */
  rules(): RulesView {
    const { chronicle, village } = this.#options;
    const { ep, base, rules } = chronicle.ledger.epoch();
    const voters = [...rules.voters].map(([voter, key]) => [voter, { key, next: this.#nextOf(voter) }] as const);
    return {
      village_id: village.villageId,
      epoch: ep,
      base,
      overseer: rules.overseer ?? null,
      thresholds: { ...rules.thresholds },
      voters: Object.fromEntries(voters),
    };
  }

  /** Takes in what any voter signed, whoever brings it: a statement counts for its signature alone. */
  async bring(token: string): Promise<BroughtView> {
    const { chronicle, nodeId, tell } = this.#options;
    const dot = token.lastIndexOf('.');
    const id = sha256Hex(token.slice(0, Math.max(dot, 0)));
    const { kind, kept } = chronicle.take(token, nodeId);
    await kept;
    if (kind === 'news') await tell(token);
    return { id, status: STATUS_OF[kind] };
  }

  /** A statement that the voter signed elsewhere. Answers its id. */
  async handedIn(token: string, by: Actor, matches: (statement: Statement) => boolean): Promise<Acted<string>> {
    const { chronicle, village } = this.#options;
    const opened = openHandedIn(token, { ledger: chronicle.ledger, net: village.villageId });
    if (opened.kind === 'refused') return opened;
    const { statement } = opened;
    if (statement.payload.voter !== by.agentId)
      return refused({ code: 'NOT_YOURSELF', message: `it is signed by ${statement.payload.voter}` });
    if (!matches(statement))
      return refused({ code: 'OTHER_CONTENT', message: 'the signed statement says something else than the arguments' });
    const taken = chronicle.take(token, by.homeNode);
    if (taken.kind === 'bad' || taken.kind === 'waits')
      return refused({ code: 'NOT_ACCEPTED', message: 'the statement does not count here' });
    await taken.kept;
    if (taken.kind === 'news') await this.#options.tell(token);
    return done(statement.id);
  }
}

export function done<T>(value: T): Acted<T> {
  return { kind: 'done', value };
}

export function refused<T>(refusal: ActRefusal): Acted<T> {
  return { kind: 'refused', refusal };
}
