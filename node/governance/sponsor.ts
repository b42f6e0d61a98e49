import {
  askSponsor,
  type CallRequest,
  GOVERNANCE,
  openCallRequest,
  REQUEST_TYP,
  type SponsorReply,
} from '../../protocols/governance/index.ts';
import { type Ledger, openStatement, type ProposalBody, type Statement } from '../../src/governance/index.ts';
import { canonicalJson } from '../../src/kernel/index.ts';
import { RateLimiter } from '../../src/routing/index.ts';
import type { GovernanceClock, GovernanceHost, GovernanceVillage } from './ports.ts';
import type { Signer } from './signer.ts';
import type { Call } from './voted-calls.ts';

const MAX_AGE_MS = 5 * 60_000;
const SPONSORED = { perMinute: 6, burst: 6 };

export interface SponsoringOptions {
  readonly host: Pick<GovernanceHost, 'nodeId' | 'openStream'>;
  readonly village: GovernanceVillage;
  readonly ledger: Ledger;
  readonly signer: Signer;
  readonly clock: GovernanceClock;
  /** A compact JWS by the key of this node's PeerId. */
  readonly sign: (typ: string, payload: Readonly<Record<string, unknown>>) => string;
}

export type Sponsored =
  | { readonly kind: 'proposed'; readonly token: string }
  | { readonly kind: 'refused'; readonly because: Extract<SponsorReply, { refused: string }>['refused'] };

/** Proposals for calls whose agents are no voters: a voter signs that the question is asked, and nothing more. */
export class Sponsoring {
  readonly #options: SponsoringOptions;
  readonly #rates = new RateLimiter({ maxKeys: 1_024 });

  constructor(options: SponsoringOptions) {
    this.#options = options;
  }

  /** Finds a voter who proposes the call: here, or on the nodes that voters say their keys are on. Never rejects. */
  async seek(call: Call, type: CallRequest['type'], { signal }: { readonly signal: AbortSignal }): Promise<Sponsored> {
    const { host, village, ledger, clock, sign } = this.#options;
    const { agent, tool, arguments: args, nonce } = call;
    const payload = {
      village: village.villageId,
      node: host.nodeId,
      agent,
      tool,
      arguments: args,
      type,
      nonce,
      iat: clock.wallMs(),
    };
    const request = sign(REQUEST_TYP, payload);
    let last = await this.answer(request, host.nodeId);
    for (const node of ledger.homes()) {
      if ('proposal' in last || signal.aborted) break;
      if (node !== host.nodeId) last = (await this.#ask(node, { request, call, signal })) ?? last;
    }
    return 'proposal' in last ? { kind: 'proposed', token: last.proposal } : { kind: 'refused', because: last.refused };
  }

  /** Signs for a request of `from`, if it is one. Never rejects. */
  async answer(request: string, from: string): Promise<SponsorReply> {
    const { village, clock, signer } = this.#options;
    const asked = openCallRequest(request, { node: from, villageId: village.villageId });
    // Spec governance/R10: nobody asks in another node's name, nor with what was asked before.
    if (asked === undefined || Math.abs(clock.wallMs() - asked.iat) > MAX_AGE_MS)
      return { v: 1, refused: 'bad-request' };
    if (village.policy().permissionFor(asked.tool)?.requiresApproval !== asked.type)
      return { v: 1, refused: 'no-vote-needed' };
    const voters = signer.voters();
    if (voters.length === 0) return { v: 1, refused: 'no-voter' };
    const able = voters.find((voter) => signer.obstacle(voter) === undefined);
    if (able === undefined) return { v: 1, refused: 'busy' };
    if (this.#rates.take(from, SPONSORED, clock.now()) > 0) return { v: 1, refused: 'rate' };
    const signed = await signer
      .sign(able, 'proposal', (ts) => this.#bodyFor(asked, { request, ts }))
      .catch(() => undefined);
    return signed === undefined ? { v: 1, refused: 'busy' } : { v: 1, proposal: signed.token };
  }

  #bodyFor(
    { node, agent, tool, arguments: args, nonce, type }: CallRequest,
    { request, ts }: { readonly request: string; readonly ts: number },
  ): ProposalBody {
    return {
      type,
      title: `Call ${tool} for ${agent}`,
      description: `${agent} asks for a call that needs a ${type.replaceAll('_', ' ')}.`,
      actions: [{ op: 'call', node, agent, tool, arguments: args, nonce }],
      deadline: ts + this.#options.ledger.epoch().rules.periodMs[type],
      request,
    };
  }

  /** undefined: it did not answer, or with something else than was asked for. */
  async #ask(
    nodeId: string,
    { request, call, signal }: { readonly request: string; readonly call: Call; readonly signal: AbortSignal },
  ): Promise<SponsorReply | undefined> {
    const { host, ledger, village } = this.#options;
    const deadline = { signal: AbortSignal.any([signal, AbortSignal.timeout(GOVERNANCE.timeoutMs)]) };
    try {
      const reply = await askSponsor(await host.openStream(nodeId, GOVERNANCE, deadline), request, deadline);
      if (!('proposal' in reply)) return reply;
      const opened = openStatement(reply.proposal, { net: village.villageId, keyOf: (kid) => ledger.keyOf(kid) });
      return opened.kind === 'opened' && isFor(call, opened.statement) ? reply : undefined;
    } catch {
      return undefined; // the next one is asked
    }
  }
}

function isFor(call: Call, { payload }: Statement): boolean {
  return payload.kind === 'proposal' && canonicalJson(payload.body.actions) === canonicalJson([call]);
}
