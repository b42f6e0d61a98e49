import { mcp } from '../protocols/mcp/index.ts';
import type { Principal } from '../src/permissions/index.ts';
import { acceptDelegations } from './accept-delegations.ts';
import { recordEvents } from './audit/index.ts';
import { authPort } from './auth-port.ts';
import { LocalHosting } from './backends/index.ts';
import { PeerBackend } from './backends/peer.ts';
import { HostedRole } from './backends/hosted-role.ts';
import type { LoadedConfig } from './config/index.ts';
import { Directory, storedState, systemClock } from './discovery/index.ts';
import { Gateway } from './gateway/index.ts';
import { hostStores, Libp2pHost, revisionGapOf } from './host/index.ts';
import type { Fog } from './fog/index.ts';
import type { NodeKeys } from './identity/index.ts';
import { followVillage } from './follow-village.ts';
import { openLimits } from './limits/index.ts';
import { liveLimits } from './live-limits.ts';
import { openAdmin } from './open-admin.ts';
import { openAudit } from './open-audit.ts';
import { openAuditCare } from './open-witnesses.ts';
import { openFog } from './open-fog.ts';
import { openGatewayTls } from './open-gateway-tls.ts';
import { openGovernance } from './open-governance.ts';
import { openIdentity } from './open-identity.ts';
import { openMemories } from './open-memories.ts';
import { openMetrics } from './open-metrics.ts';
import type { Tracing } from './open-tracing.ts';
import { PeerLinks } from './peers/index.ts';
import { RevocationSpread } from './revocation/index.ts';
import { type P2pParts, p2pRole } from './roles/p2p/index.ts';
import { runApproved, votePort } from './vote-on-calls.ts';
import { DeadlineTimer, mayUse, Router, SearchMode } from './router/index.ts';
import { restartPort } from './restarts.ts';
import type { Database } from './storage/index.ts';
import type { EventBus } from './telemetry/index.ts';
import type { GatewayTls } from './tls/index.ts';
import type { Village } from './village/index.ts';
import { votedLimits } from './voted-limits.ts';

/** Calls in flight may finish; nothing is waited for where none are. */
const GRACE_MS = 2_500;

export interface Foundation {
  readonly dataDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly startedAtMs: number;
  readonly bus: EventBus;
  readonly database: Database;
  readonly keys: NodeKeys;
  readonly village: Village;
  /** Absent: no call is traced. */
  readonly tracing?: Tracing | undefined;
  /** The configuration in force; changes while the node runs. */
  readonly loaded: () => LoadedConfig;
  /** Whoever runs the node is to stop and start it. */
  readonly askRestart: () => void;
}

export interface Assembled {
  readonly host: Libp2pHost;
  readonly hosting: LocalHosting;
  readonly fog: Fog;
  /** Full URL of `/mcp`. */
  readonly gateway: string;
  /** Where the gateway speaks it. */
  readonly tls: GatewayTls | undefined;
  /** Origin of the admin address. */
  readonly admin: string;
  readonly secret: string;
}

/** Puts the parts of a node together and starts them in order, each on `stack` so that they stop in reverse, also when a later one fails. */
export async function assemble(foundation: Foundation, stack: AsyncDisposableStack): Promise<Assembled> {
  const { dataDir, env, version, startedAtMs, bus, database, keys, village, loaded } = foundation;
  const { villageId } = village;
  const { nodeId } = keys;
  const config = () => loaded().config;
  const limits = votedLimits(
    () => config().limits,
    () => village.policy(),
  );
  const place = villageId.slice(0, 16);
  const policy = () => village.policy();

  const opened = await openAudit({ dataDir, database, keys, villageId, reporter: bus });
  const audit = stack.use(opened.log);
  recordEvents(bus, audit);
  const identity = await openIdentity(village, foundation);
  const { desk, endpoint, delegations, revocations } = identity;

  const host = new Libp2pHost({
    nodeId,
    peerSeed: keys.peerSeed,
    villageId,
    membership: village,
    listen: config().listen,
    bootstrap: [...config().bootstrap, ...village.inviterAddresses()],
    mdns: config().discovery.mdns,
    ...hostStores(database, villageId),
    reporter: bus,
  });
  village.attach(host);
  const guards = openLimits({ host, bus, limits, inFlight: () => router.callsInFlight });
  const care = await openAuditCare({ ...foundation, audit: opened, host, settings: config });

  const deadlines = new DeadlineTimer();
  const links = new PeerLinks({
    host,
    deadlines,
    reporter: bus,
    limits: liveLimits(limits),
    delegationFor: (principal, target) => {
      const made = delegations.delegationFor(principal, target, { nowMs: Date.now() });
      return made.kind === 'delegated' ? made.jws : undefined;
    },
    accept: acceptDelegations({ host, village, revocations }),
    serve: (call) => router.serve(call),
  });
  revocations.onRevoked(({ kind, id }) => {
    const gone = (principal: Principal) => (kind === 'token' ? principal.tokenId : principal.agentId) === id;
    links.forget(gone);
    router.forget(gone);
    gateway.forget(gone);
  });
  village.onPolicy(() => links.forget(() => true));

  const { bootstrap } = config();
  const { keystore } = identity;
  const restarts = restartPort(() => hosting, foundation.askRestart);
  const governing = await openGovernance({ ...foundation, host, keystore, audit: care, bootstrap, restarts });
  const { governance } = governing;
  const fogging = await openFog({ ...foundation, host, identity, governance, hosting: () => hosting });

  const spread = await RevocationSpread.open({
    host,
    village,
    revocations,
    store: database.namespace(`revocation-signers-${place}`),
    reporter: bus,
    clock: systemClock,
  });

  // The role looks at the directory, and the directory tells of the role: it is read only when an agent asks.
  const directoryView: P2pParts['directory'] = {
    catalogue: () => directory.catalogue(),
    nodes: () => directory.nodes(),
    own: () => directory.own(),
    meet: (peer) => directory.meet(peer),
    want: (alias, options) => directory.want(alias, options),
    lookAround: (options) => directory.lookAround(options),
    onCatalogue: (listener) => directory.onCatalogue(listener),
  };
  const p2p = p2pRole({
    host,
    directory: directoryView,
    villageId,
    mayUse: (principal, entry) =>
      mayUse(principal, entry, 'tools/call', village.policy()) && !router.hides(entry, 'tool'),
    shown: (service) => router.shown(service),
    wallMs: Date.now,
    startedAtMs,
  });
  const hosting = new LocalHosting({
    nodeId: host.nodeId,
    roles: [p2p, governing.role, fogging.role].map((role) => new HostedRole(role, { wallMs: Date.now, reporter: bus })),
    servers: config().mcpServers,
    dataDir,
    reporter: bus,
    environment: env,
  });

  const directory = await Directory.open({
    host,
    village: villageId,
    sign: (typ, payload) => keys.signAsNode(typ, payload),
    store: storedState(database.namespace(`directory-${place}`)),
    hosting,
    reporter: bus,
    clock: systemClock,
    mayHost: (nodeId) => {
      const peer = host.admitted().get(nodeId);
      // What a node hosts that cannot be called is not listed.
      return peer?.membership.may.host === true && revisionGapOf(peer, mcp) === undefined;
    },
    links,
    settings: config().discovery,
  });

  const memories = await openMemories(foundation, stack);
  const { pins } = memories;
  const router = new Router(
    {
      policy,
      catalogue: () => directory.catalogue(),
      find: (alias, options) => directory.want(alias, options),
      hosting,
      isUnfit: (alias) => directory.isUnfit(alias),
      peer: (peer, alias) => new PeerBackend(links, { nodeId: peer, alias }),
      links,
      audit,
      votes: votePort(governance),
      shards: fogging.fog.routing,
      hedgeAfterMs: () => config().routing.hedgeAfterMs,
      rates: guards.rates,
      overload: guards.overload,
      ...memories,
      reporter: bus,
      tracing: config().telemetry.otlp,
      limits: () => limits(),
      clock: { now: () => performance.now(), chance: Math.random },
    },
    deadlines,
  );
  stack.defer(followVillage({ bus, directory, village, router, pins, gateway: () => gateway }));
  stack.defer(() => router.close());

  let ready = false;
  const tls = stack.use(openGatewayTls(config(), foundation));
  const gateway = new Gateway({
    listen: config().gateway,
    insecureBind: config().insecureGatewayBind,
    tls,
    allowedHosts: config().allowedHosts,
    allowedOrigins: config().allowedOrigins,
    router: new SearchMode(router, {
      policy,
      catalogue: () => directory.catalogue(),
      missing: (principal) => router.missing(principal),
      hides: router.hides,
      mode: () => config().tools.mode,
    }),
    auth: authPort(desk, endpoint),
    limiter: guards,
    limits: liveLimits(limits),
    serverInfo: { name: 'village', version },
    build: { name: 'village', version, node_id: nodeId, mcp: 'session and stateless' },
    ready: () => ready,
  });

  const metrics = openMetrics(bus, { ...foundation, host, hosting, router, gateway, care, fog: fogging.fog });
  stack.defer(() => metrics.close());
  const addresses = { gateway: '', admin: '' };
  const { admin, secret } = openAdmin(foundation, {
    identity,
    host,
    hosting,
    directory,
    links,
    router,
    audit,
    witnesses: care.witnesses,
    auditFigures: () => care.figures(),
    spread,
    governance,
    fogging,
    pins,
    addresses,
    tls,
    metrics: () => metrics.text(),
  });

  // The gateway listens first, so that a taken address is known before anything is started for nothing; it is not ready until the end.
  stack.use(gateway);
  await gateway.start();
  addresses.gateway = gateway.url;
  stack.defer(() => admin.stop());
  addresses.admin = await admin.start();
  // Children take longest to stop, so they stop beside the mesh and not after it.
  stack.defer(() => all(hosting.stop(), host.stop()));
  await hosting.start();
  stack.defer(() => village.stop());
  await host.start();
  stack.defer(() => guards.stop());
  guards.start();
  stack.defer(() => spread.stop());
  spread.start();
  stack.defer(() => care.stop());
  care.start();
  stack.defer(() => governance.stop());
  governance.start();
  stack.defer(() => links.stop({ graceMs: GRACE_MS }));
  links.start();
  stack.defer(() => fogging.stop());
  await fogging.start();
  // First no more calls come in, while everything that serves those under way still stands.
  stack.defer(() => all(gateway.stop(), directory.stop()));
  await directory.start();
  governance.startCalls(runApproved(desk, router));
  ready = true;
  stack.defer(() => {
    ready = false;
  });
  return { host, hosting, fog: fogging.fog, ...addresses, tls, secret };
}

async function all(...stopping: readonly Promise<void>[]): Promise<void> {
  await Promise.all(stopping);
}
