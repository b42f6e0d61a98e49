import { randomBytes } from 'node:crypto';
import type { AdmissionAnswer, AdmissionDesk, Redeem, Renew } from '../../protocols/admission/index.ts';
import type { AdmissionReason } from '../../protocols/wire/index.ts';
import {
  checkTicket,
  type Constitution,
  formatInvite,
  grantableRights,
  MAX_CHAIN,
  MEMBERSHIP_TTL_S,
  MEMBERSHIP_TYP,
  type Membership,
  type MembershipRights,
  type PolicyView,
  TICKET_TYP,
  type TicketRefusal,
  verifyMembership,
} from '../../src/constitution/index.ts';
import { toBase64Url } from '../../src/kernel/index.ts';
import { atLeast, type Level } from '../../src/permissions/index.ts';
import { type RateLimit, RateLimiter } from '../../src/routing/index.ts';
import type { NodeKeys } from '../identity/index.ts';
import type { Reporter } from '../telemetry/events.ts';
import type { TicketBook } from './ticket-book.ts';
import { VillageStateError } from './village-error.ts';

/** Refusals that the asker can do something about, or wait for. */
const TOLD: ReadonlySet<string> = new Set(['expired', 'evicted', 'held']);

/** Questions of one node: each may cost signatures, and its answer is on record. */
const OF_NODE: RateLimit = { perMinute: 6, burst: 12 };
/** Of all together that prove nothing, since PeerIds cost nothing to invent: who has a ticket of ours or belongs to us is not held up by them. */
const UNPROVEN: RateLimit = { perMinute: 600, burst: 600 };
const MAX_NODES = 4_096;

export interface InviterOptions {
  readonly keys: Pick<NodeKeys, 'nodeId' | 'signAsNode'>;
  readonly constitution: Constitution;
  readonly villageId: string;
  readonly tickets: TicketBook;
  readonly reporter: Reporter;
  policy(): PolicyView;
  /** What we hold ourselves, now; undefined: nothing any more. */
  membership(): Membership | undefined;
  now(): number;
}

export interface InviteRequest {
  /** Full multiaddrs of this node, `/p2p/ID` included. */
  readonly addresses: readonly string[];
  readonly ttlMs: number;
  readonly uses: number;
  /** The highest level the newcomer may give its own agents. */
  readonly level: Level;
  readonly mayInvite: boolean;
}

export interface CreatedInvite {
  readonly invite: string;
  readonly expiresAtMs: number;
  /** What will keep it from working, for a person to read. */
  readonly warning?: string | undefined;
}

/** What is answered, and for our own log which ticket it was about. */
type Outcome = AdmissionAnswer & { readonly ticket: string };

/** Signs invites, and credentials for those who redeem them. */
export class Inviter implements AdmissionDesk {
  readonly #options: InviterOptions;
  readonly #nodes = new RateLimiter({ maxKeys: MAX_NODES });
  readonly #unproven = new RateLimiter({ maxKeys: 1 });

  constructor(options: InviterOptions) {
    this.#options = options;
  }

  /** Errors: MAY_NOT_INVITE. */
  createInvite({ addresses, ttlMs, uses, level, mayInvite }: InviteRequest): CreatedInvite {
    const { keys, villageId, now } = this.#options;
    const holder = this.#inviting();
    if (holder === undefined) {
      throw new VillageStateError('MAY_NOT_INVITE', 'this node’s membership does not let it invite', {
        hint: 'ask the member that invited it for an invite with --may-invite, and join again',
      });
    }
    if (!atLeast(holder.may.issue, level)) {
      throw new VillageStateError('MAY_NOT_INVITE', `this node can let others give ${holder.may.issue} at most`, {
        hint: `use --level ${holder.may.issue} or lower`,
      });
    }
    const exp = Math.floor((now() + ttlMs) / 1000);
    const ticket = keys.signAsNode(TICKET_TYP, {
      village: villageId,
      by: keys.nodeId,
      jti: toBase64Url(randomBytes(16)),
      uses,
      level,
      may_invite: mayInvite,
      exp,
    });
    return {
      invite: formatInvite({ v: 1, village: villageId, addresses: [...addresses], ticket }),
      expiresAtMs: exp * 1000,
      warning: warningOf(addresses),
    };
  }

  async redeem(ask: Redeem, nodeId: string): Promise<AdmissionAnswer> {
    return this.#reported(nodeId, this.#isTooMuch(nodeId) ? refused('busy') : await this.#redeem(ask, nodeId));
  }

  async renew(ask: Renew, nodeId: string): Promise<AdmissionAnswer> {
    return this.#reported(nodeId, this.#isTooMuch(nodeId) ? refused('busy') : this.#renew(ask, nodeId));
  }

  #isTooMuch(nodeId: string): boolean {
    return this.#nodes.take(nodeId, OF_NODE, performance.now()) > 0;
  }

  /** To who showed neither a ticket of ours nor a membership. */
  #provesNothing(because: AdmissionReason): Outcome {
    return refused(this.#unproven.take('', UNPROVEN, performance.now()) > 0 ? 'busy' : because);
  }

  #reported(peer: string, { ticket, ...answer }: Outcome): AdmissionAnswer {
    const { reporter } = this.#options;
    if (answer.kind === 'refused') reporter.report('admission.refused', { peer, reason: answer.because });
    else reporter.report('admission.granted', { peer, ticket });
    return answer;
  }

  async #redeem({ ticket: jws, issuer_key: issuerKey }: Redeem, nodeId: string): Promise<Outcome> {
    const { keys, villageId, constitution, tickets, policy, now } = this.#options;
    const checked = checkTicket(jws, { villageId, nowMs: now() });
    if (checked.kind === 'refused') return this.#provesNothing(REASON_OF[checked.because]);
    const { ticket } = checked;
    if (ticket.by !== keys.nodeId) return this.#provesNothing('foreign');
    if (policy().isEvicted(nodeId)) return refused('evicted');
    if (policy().isNodeHeld(nodeId)) return refused('held');
    const holder = this.#inviting();
    if (holder === undefined || policy().value('nodes.admission') === 'closed') return refused('not-inviter');
    // Spec admission/R4: cut to what we hold now, which may be less than when the ticket was made.
    const may = grantableRights(holder, { host: true, invite: ticket.may_invite, issue: ticket.level });
    const credential = await tickets.redeem(
      { ticket, nodeId, issuerKey },
      {
        sign: () => this.#sign(nodeId, { issuerKey, may }),
        good: (known) => this.#verify([known, ...holder.chain], nodeId) !== undefined,
      },
    );
    if (credential === undefined) return refused('used-up');
    const chain = [credential, ...holder.chain];
    return { v: 1, kind: 'granted', constitution, chain, ticket: ticket.jti };
  }

  #renew({ chain, issuer_key: issuerKey }: Renew, nodeId: string): Outcome {
    const { constitution, villageId, policy, now } = this.#options;
    const verdict = verifyMembership(chain, { constitution, villageId, policy: policy(), nowMs: now(), nodeId });
    if (verdict.kind === 'refused') {
      const { because } = verdict;
      return this.#provesNothing(TOLD.has(because) ? (because as 'expired' | 'evicted' | 'held') : 'not-a-member');
    }
    const holder = this.#inviting();
    if (holder === undefined || nodeId === constitution.founder.node_id) return refused('not-inviter');
    // Our own chain may hang on the asker's: renewing in a circle would keep both alive for ever.
    if (this.#leansOn(nodeId)) return refused('not-inviter');
    const may = grantableRights(holder, verdict.membership.may);
    const renewed = [this.#sign(nodeId, { issuerKey, may }), ...holder.chain];
    return { v: 1, kind: 'renewed', chain: renewed, ticket: 'renewal' };
  }

  /** Our membership, if it lets us sign one more link. */
  #inviting(): Membership | undefined {
    const holder = this.#options.membership();
    return holder?.may.invite === true && holder.depth < MAX_CHAIN ? holder : undefined;
  }

  #leansOn(nodeId: string): boolean {
    const { membership, constitution, villageId, policy, now } = this.#options;
    const chain = membership()?.chain ?? [];
    return chain.some((_, depth) => {
      const above = chain.slice(depth + 1);
      const context = { constitution, villageId, policy: policy(), nowMs: now(), nodeId };
      return verifyMembership(above, context).kind === 'member';
    });
  }

  #verify(chain: readonly string[], nodeId: string): Membership | undefined {
    const { constitution, villageId, policy, now } = this.#options;
    const verdict = verifyMembership(chain, { constitution, villageId, policy: policy(), nowMs: now(), nodeId });
    return verdict.kind === 'member' ? verdict.membership : undefined;
  }

  #sign(node: string, { issuerKey, may }: { readonly issuerKey: string; readonly may: MembershipRights }): string {
    const { keys, villageId, now } = this.#options;
    const iat = Math.floor(now() / 1000);
    return keys.signAsNode(MEMBERSHIP_TYP, {
      village: villageId,
      node,
      issuer_key: issuerKey,
      may: { ...may },
      iat,
      exp: iat + MEMBERSHIP_TTL_S,
      by: keys.nodeId,
    });
  }
}

const REASON_OF: Readonly<Record<TicketRefusal, AdmissionReason>> = {
  malformed: 'malformed',
  'bad-signature': 'foreign',
  'foreign-village': 'foreign',
  expired: 'expired',
};

function refused(because: AdmissionReason): Outcome {
  return { v: 1, kind: 'refused', because, ticket: '' };
}

function warningOf(addresses: readonly string[]): string | undefined {
  if (addresses.length === 0) return 'this node has no address yet: start it, then invite';
  const onlyHere = addresses.every((address) => /^\/(ip4\/127\.|ip6\/::1\/)/.test(address));
  return onlyHere
    ? 'only this machine can use it: start the node with --listen /ip4/0.0.0.0/tcp/PORT for others'
    : undefined;
}
