import type { Principal } from '../src/permissions/index.ts';
import { FOG_BLOB } from '../protocols/fog-blob/index.ts';
import type { LocalHosting } from './backends/index.ts';
import { systemClock } from './discovery/index.ts';
import { acceptDelegations } from './accept-delegations.ts';
import type { Foundation } from './assemble.ts';
import { Artifacts, modulePeers } from './fog/artifacts/index.ts';
import { measuredCapacity, measuredCondition } from './fog/fingerprint/index.ts';
import { APPROVAL_TOOL, approvalIn, Authorities, Fog, type FogParts } from './fog/index.ts';
import { boottimeMs, ShardRunner } from './fog/runner/index.ts';
import { fogNodeConfig } from './fog-config.ts';
import type { Governance } from './governance/index.ts';
import type { Libp2pHost } from './host/index.ts';
import type { Identity } from './open-identity.ts';
import type { Role } from './backends/role.ts';
import { fogRole } from './roles/fog/index.ts';

export interface FogFoundation extends Foundation {
  readonly host: Libp2pHost;
  readonly identity: Identity;
  readonly governance: Governance;
  /** Made after fog, which only needs it when a shard runs. */
  readonly hosting: () => LocalHosting;
}

const TOKEN_MS = 600_000;
const PROPOSE_MS = 10_000;
/** How long the village's word holds for shards that are placed anew. */
const APPROVAL_MS = 30 * 24 * 3_600_000;
const APPROVED: ReadonlySet<string> = new Set(['approved', 'approved_override']);

/** This node's part in fog, with the programs it knows. Before the host starts. */
export async function openFog(foundation: FogFoundation): Promise<{
  readonly fog: Fog;
  readonly role: Role;
  readonly artifacts: Artifacts;
  start(): Promise<void>;
  stop(): Promise<void>;
}> {
  const { dataDir, env, bus, database, keys, village, loaded, host, identity, governance, hosting } = foundation;
  const { villageId } = village;
  const { nodeId } = keys;
  const place = villageId.slice(0, 16);
  const settings = () => loaded().config.fog;
  const sign: FogParts['sign'] = (typ, payload) => keys.signAsNode(typ, payload);

  const artifacts = new Artifacts({
    nodeId,
    dataDir,
    config: settings,
    approved: () => (village.policy().value('fog.approved_artifacts') as readonly string[] | undefined) ?? [],
    peers: modulePeers(host),
    wallMs: Date.now,
    sign,
  });
  host.handle(FOG_BLOB, (stream) => artifacts.serve(stream));
  const runner = new ShardRunner({ nodeId, dataDir, reporter: bus, environment: env });
  const capacity = await measuredCapacity(settings().capacity, dataDir);
  const { tier } = await runner.enforcement();
  const config = () =>
    fogNodeConfig({
      ...{ nodeId, capacity, fog: settings(), enforcement: tier, policy: village.policy() },
      runtimes: artifacts.names(),
    });

  const authorities = new Authorities({
    nodeId,
    mint: (agent) => mintFor(agent, identity.desk),
    delegationFor: (principal, node) => {
      const made = identity.delegations.delegationFor(principal, node, { nowMs: Date.now() });
      return made.kind === 'delegated' ? made.jws : undefined;
    },
    certificate: (proposalId) => governance.certificate(proposalId),
    isRevoked: (principal) =>
      identity.revocations.isRevoked(principal) || village.policy().isRevoked(principal.tokenId),
    wallMs: Date.now,
  });

  const fog = await Fog.open({
    ...{ host, villageId, sign, runner, artifacts, reporter: bus, gpus: capacity.gpus, condition: measuredCondition },
    hosting: {
      addGuest: (server) => hosting().addGuest(server),
      removeGuest: (alias) => hosting().removeGuest(alias),
      guestChanged: (alias) => hosting().guestChanged(alias),
    },
    stores: { node: database.namespace(`fog-node-${place}`), owner: database.namespace(`fog-owner-${place}`) },
    clock: { ...systemClock, boottimeMs },
    node: config(),
    checks: {
      nodeId,
      villageId,
      policy: () => village.policy(),
      accept: acceptDelegations({ host, village, revocations: identity.revocations }),
      ownPrincipal: (agent) => authorities.known(agent),
      minLevel: () => settings().minLevel,
    },
    authority: (of) => authorities.of(of),
    remember: (principal) => authorities.remember(principal),
    unspoken: () => authorities.unspoken(),
    propose: async ({ agent, approval }) => {
      const known = authorities.known(agent);
      if (known === undefined) return undefined;
      const asked = { ...approval, notAfter: Date.now() + APPROVAL_MS };
      const call = { tool: APPROVAL_TOOL, arguments: { approval: asked }, type: 'major_change' } as const;
      const { homeNode, issuedAtMs } = known;
      const signal = AbortSignal.timeout(PROPOSE_MS);
      const acted = await governance.proposeCall(call, { agentId: agent, homeNode, issuedAtMs }, { signal });
      return acted.kind === 'done' ? acted.value.proposal_id : undefined;
    },
  });

  const decided = (proposalId: string, outcome: string): void => {
    const certificate = APPROVED.has(outcome) ? governance.certificate(proposalId) : undefined;
    const allows = (agent: string) => approvalIn(certificate, { villageId, owner: nodeId, agent }) ?? null;
    fog.decided(proposalId, allows).catch((error: unknown) => {
      bus.report('background.failed', { area: 'fog vote', error });
    });
  };
  village.onPolicy(() => fog.configure(config()));
  return {
    fog,
    role: fogRole({ office: fog.office, nodeId, wallMs: Date.now, boottimeMs }),
    artifacts,
    start: async () => {
      bus.on('config.reloaded', () => fog.configure(config()));
      bus.on('governance.decided', ({ proposal, outcome }) => decided(proposal, outcome));
      await artifacts.start();
      await fog.start();
      // What was decided while this node was away.
      for (const proposalId of fog.awaited().values()) {
        const outcome = governance.certificate(proposalId)?.['outcome'];
        if (typeof outcome === 'string') decided(proposalId, outcome);
      }
    },
    stop: () => fog.stop(),
  };
}

/** A principal for an agent whose key is here. */
async function mintFor(agent: string, desk: Identity['desk']): Promise<Principal | undefined> {
  const minted = await desk.mint({ agent, ttlMs: TOKEN_MS });
  if (minted.kind === 'refused') return undefined;
  const verdict = await desk.verify(minted.token);
  return verdict.kind === 'ok' ? verdict.principal : undefined;
}
