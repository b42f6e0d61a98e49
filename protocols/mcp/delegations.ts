import { WireError } from '../wire/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import type { Clock, DelegationVerdict } from './ports.ts';
import { LIMITS, type RefuseReason } from './schema.ts';

interface Held {
  readonly agentId: string;
  readonly tokenId: string;
  readonly verdict: DelegationVerdict;
}

const SECOND_MS = 1000;

/** Delegations a peer presented on one stream, by the reference its calls use. */
export class HeldDelegations {
  readonly #clock: Clock;
  readonly #accept: (delegation: string) => DelegationVerdict;
  readonly #held = new Map<number, Held>();
  #second = Number.NEGATIVE_INFINITY;
  #looked = 0;

  constructor(clock: Clock, accept: (delegation: string) => DelegationVerdict) {
    this.#clock = clock;
    this.#accept = accept;
  }

  /** Takes a delegation for `reference`, or its renewal. Throws WireError when a reference changes hands. */
  present(reference: number, delegation: string): void {
    const before = this.#held.get(reference);
    if (!this.#mayLook()) {
      this.#held.delete(reference);
      return;
    }
    const verdict = this.#accept(delegation);
    if (verdict.kind === 'accepted') {
      const { agentId, tokenId } = verdict.principal;
      // A call may be on its way under the earlier one: it must not find itself made by another agent.
      if (before !== undefined && before.agentId !== '' && (before.agentId !== agentId || before.tokenId !== tokenId)) {
        throw new WireError('WIRE_MALFORMED', 'a delegation reference given to another agent');
      }
      this.#keep(reference, { agentId, tokenId, verdict });
      return;
    }
    this.#keep(reference, { agentId: before?.agentId ?? '', tokenId: before?.tokenId ?? '', verdict });
  }

  /** For whom a call under `reference` is made, or why it cannot be. */
  use(reference: number): Principal | RefuseReason {
    const held = this.#held.get(reference);
    if (held === undefined) return 'unknown-delegation';
    if (held.verdict.kind === 'refused') return 'delegation-refused';
    return this.#clock.wall() < held.verdict.expiresAtMs ? held.verdict.principal : 'delegation-expired';
  }

  /** What is known of a delegation under which calls are refused, for this node's own record. */
  whyRefused(reference: number): { readonly because?: string | undefined; readonly agentId?: string | undefined } {
    const verdict = this.#held.get(reference)?.verdict;
    if (verdict?.kind === 'accepted') return { agentId: verdict.principal.agentId };
    return { because: verdict?.because, agentId: verdict?.agentId };
  }

  /** Forgets those of which `gone` is true: their next call must present anew, and is judged anew. */
  forget(gone: (principal: Principal) => boolean): void {
    for (const [reference, { verdict }] of this.#held) {
      if (verdict.kind === 'accepted' && gone(verdict.principal)) this.#held.delete(reference);
    }
  }

  #keep(reference: number, held: Held): void {
    this.#held.delete(reference);
    this.#held.set(reference, held);
    if (this.#held.size > LIMITS.maxDelegations) this.#held.delete(this.#held.keys().next().value as number);
  }

  /** Each look costs signature checks, so a peer gets so many in a second. */
  #mayLook(): boolean {
    const now = this.#clock.now();
    if (now - this.#second >= SECOND_MS) {
      this.#second = now;
      this.#looked = 0;
    }
    this.#looked += 1;
    return this.#looked <= LIMITS.maxDelegationsPerSecond;
  }
}

export interface Presented {
  readonly reference: number;
  readonly delegation: string;
}

const MAX_REFERENCE = 0xffff;
const MAX_PRESENTED = 4096;

/** What this node presented to a peer on one stream. A reference is never given to a second agent. */
export class PresentedDelegations {
  readonly #byToken = new Map<string, Presented>();
  /** Calls mostly come in a row for one principal. */
  #latest: { readonly principal: Principal; readonly presented: Presented } | undefined;
  #lastReference = 0;

  /** No reference is left: the stream has served its time. */
  get exhausted(): boolean {
    return this.#lastReference >= MAX_REFERENCE;
  }

  get(principal: Principal): Presented | undefined {
    if (this.#latest?.principal === principal) return this.#latest.presented;
    const presented = this.#byToken.get(nameOf(principal));
    if (presented !== undefined) this.#latest = { principal, presented };
    return presented;
  }

  /** It was refused: the next call presents again, since what the peer knows of us may have changed. */
  doubt(principal: Principal): void {
    const presented = this.get(principal);
    this.#latest = undefined;
    if (presented !== undefined) this.#byToken.set(nameOf(principal), { ...presented, delegation: '' });
  }

  /** Notes that `delegation` is presented for `principal` now. */
  add(principal: Principal, delegation: string): Presented {
    const name = nameOf(principal);
    const before = this.#byToken.get(name);
    const presented: Presented = { reference: before?.reference ?? ++this.#lastReference, delegation };
    this.#byToken.delete(name);
    this.#byToken.set(name, presented);
    this.#latest = { principal, presented };
    if (this.#byToken.size > MAX_PRESENTED) this.#byToken.delete(this.#byToken.keys().next().value as string);
    return presented;
  }
}

function nameOf(principal: Principal): string {
  return `${principal.tokenId} ${principal.agentId}`;
}
