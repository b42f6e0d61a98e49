import { randomBytes } from 'node:crypto';
import { hostStores, Libp2pHost, type MembershipDesk } from '../../node/host/index.ts';
import { type NodeKeys, openNodeKeys, Revocations } from '../../node/identity/index.ts';
import { PeerLinks } from '../../node/peers/index.ts';
import { RevocationSpread } from '../../node/revocation/index.ts';
import { DeadlineTimer } from '../../node/router/index.ts';
import { systemClock } from '../../node/discovery/index.ts';
import { openDataFolder } from '../../node/storage/index.ts';
import { Village } from '../../node/village/index.ts';
import type { CallEnd } from '../../protocols/mcp/index.ts';
import { DELEGATION_TYP, type Delegation, ownAgentId } from '../../src/constitution/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import { Reports } from './mesh-hosts.ts';
import { dataFolder } from './process-node.ts';

export interface Ask {
  readonly server: string;
  readonly tool: string;
  readonly args?: Record<string, unknown>;
  readonly at?: string;
}

/** An admitted member without a gateway: nothing at home keeps it from asking others for whatever it likes, as whomever it likes. */
export class LyingNode implements AsyncDisposable {
  readonly keys: NodeKeys;
  readonly village: Village;
  readonly host: Libp2pHost;
  readonly spread: RevocationSpread;
  readonly links: PeerLinks;
  readonly #claims = new Map<string, string>();
  readonly #stack: AsyncDisposableStack;

  private constructor(
    parts: Pick<LyingNode, 'keys' | 'village' | 'host' | 'spread'>,
    deadlines: DeadlineTimer,
    stack: AsyncDisposableStack,
  ) {
    this.keys = parts.keys;
    this.village = parts.village;
    this.host = parts.host;
    this.spread = parts.spread;
    this.#stack = stack;
    this.links = new PeerLinks({
      host: this.host,
      deadlines,
      reporter: new Reports(),
      limits: { maxInFlightPerPeer: 64 },
      delegationFor: ({ tokenId }) => this.#claims.get(tokenId),
      accept: () => ({ kind: 'refused', because: 'not-a-member' }),
      serve: () => Promise.reject(new Error('nobody is served here')),
    });
  }

  /** Joins by `invite`. `chain`: what it shows for credentials, given those it has. */
  static async join(
    invite: string,
    options: { data?: string; chain?: (own: readonly string[], keys: NodeKeys) => readonly string[] } = {},
  ): Promise<LyingNode> {
    const { data = dataFolder('liar'), chain = (own) => own } = options;
    await using stack = new AsyncDisposableStack();
    const folder = await openDataFolder(data);
    stack.defer(() => folder.close());
    const { database } = folder;
    const keys = openNodeKeys(data, { create: true });
    const reporter = new Reports();
    const signal = AbortSignal.timeout(10_000);
    const village = await Village.join({ dataDir: data, keys, database, reporter }, invite, { signal });
    const shown = chain(village.chain(), keys);
    const membership: MembershipDesk = {
      chain: () => shown,
      verify: (theirs, nodeId) => village.verify(theirs, nodeId),
    };
    const { villageId } = village;
    const host = new Libp2pHost({
      nodeId: keys.nodeId,
      peerSeed: keys.peerSeed,
      villageId,
      membership,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      ...hostStores(database, villageId),
      reporter,
    });
    const revocations = await Revocations.open({ store: database.namespace('revocations'), nowMs: Date.now() });
    const store = database.namespace('signers');
    const spread = await RevocationSpread.open({ host, village, revocations, store, reporter, clock: systemClock });
    const node = new LyingNode({ keys, village, host, spread }, new DeadlineTimer(), stack.move());
    node.#stack.defer(() => host.stop());
    await host.start();
    node.#stack.defer(() => spread.stop());
    spread.start();
    node.#stack.defer(() => node.links.stop({ graceMs: 0 }));
    node.links.start();
    return node;
  }

  /** Connects to the inviter and waits for its admission; rejects when one side refuses the other. */
  async meet(addresses: readonly string[]): Promise<void> {
    await this.host.dial(addresses[0] as string, { signal: AbortSignal.timeout(5_000) });
  }

  /** A true delegation of this node's own agent to `target`, with anything in it changed. */
  claim(target: string, changes: Partial<Delegation> = {}): Delegation {
    const iat = Math.floor(Date.now() / 1000);
    return {
      village: this.village.villageId,
      agent: ownAgentId('local', this.keys.nodeId),
      role: 'agent',
      level: 'OPERATOR',
      token: randomBytes(32).toString('hex'),
      token_iat: iat,
      from: this.keys.nodeId,
      to: target,
      iat,
      exp: iat + 60,
      ...changes,
    };
  }

  /** Calls a tool with nothing but the claim: signed by this node's issuer key, true or not. `at`: the node asked, else `claim.to`. */
  async call(claim: Delegation, { server, tool, args = {}, at = claim.to }: Ask): Promise<CallEnd> {
    this.#claims.set(claim.token, this.keys.signAsIssuer(DELEGATION_TYP, claim));
    const principal: Principal = {
      agentId: claim.agent,
      role: claim.role,
      level: claim.level,
      permissions: claim.permissions,
      tokenId: claim.token,
      issuedAtMs: claim.token_iat * 1000,
      expiresAtMs: claim.exp * 1000,
      homeNode: this.keys.nodeId,
    };
    return this.links.call(at, {
      server,
      request: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: args } },
      context: {
        principal,
        era: 'session',
        callId: randomBytes(16),
        deadlineAt: performance.now() + 5_000,
        signal: AbortSignal.timeout(5_000),
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** What a call came to, in a word: `ok`, the string code of its error, or why it was never begun. */
export function endOf(end: CallEnd): string {
  if (end.kind === 'refused' || end.kind === 'unsent') return `${end.kind}: ${end.because}`;
  if (end.kind !== 'result') return end.kind;
  const body = JSON.parse(Buffer.from(end.body).toString() || '{}') as { error?: { data?: { code?: string } } };
  return end.outcome === 'ok' ? 'ok' : (body.error?.data?.code ?? end.reason);
}
