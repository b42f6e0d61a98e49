import type { LocalHosting } from './backends/index.ts';
import type { Fog } from './fog/index.ts';
import type { Gateway } from './gateway/index.ts';
import type { Libp2pHost } from './host/index.ts';
import type { Tracing } from './open-tracing.ts';
import type { AuditCare } from './open-witnesses.ts';
import type { Router } from './router/index.ts';
import { createMetrics, type EventBus, type Metrics } from './telemetry/index.ts';

/** What `/metrics` tells of this node. */
export function openMetrics(
  bus: EventBus,
  parts: {
    readonly host: Libp2pHost;
    readonly hosting: LocalHosting;
    readonly router: Router;
    readonly gateway: Gateway;
    readonly care: AuditCare;
    readonly fog: Fog;
    readonly tracing?: Tracing | undefined;
  },
): Metrics {
  const { host, hosting, router, gateway, care, fog, tracing } = parts;
  return createMetrics(bus, {
    peers: () => host.admitted().size,
    serverStates: () => hosting.servers().map((server) => server.state().state),
    callsInFlight: () => router.callsInFlight,
    sessions: () => gateway.sessionCount,
    subscriptions: () => gateway.subscriptionCount,
    missingServers: () => router.missing().length,
    audit: () => care.figures(),
    fog: () => fog.figures(),
    cache: () => router.cache,
    spans: tracing && (() => tracing.figures()),
  });
}
