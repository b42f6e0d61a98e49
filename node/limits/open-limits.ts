import { RateLimiter } from '../../src/routing/index.ts';
import type { Config } from '../config/index.ts';
import { systemClock } from '../discovery/index.ts';
import type { MeshHost } from '../host/index.ts';
import type { OverloadPort, RatePort } from '../router/index.ts';
import type { Reporter } from '../telemetry/events.ts';
import { UsageShare } from '../usage/index.ts';
import { PeerRates } from './peer-rates.ts';
import { NodePressure } from './pressure.ts';
import { SourceLimit } from './source-limit.ts';

/** What keeps a node, and the village, from being asked too much. */
export interface Limits {
  readonly rates: RatePort;
  readonly overload: OverloadPort;
  /** 0: go on; else milliseconds. */
  source(ip: string): number;
  /** After the host has started. */
  start(): void;
  stop(): Promise<void>;
}

/** Before the host starts. */
export function openLimits(options: {
  readonly host: Pick<MeshHost, 'nodeId' | 'subscribe' | 'publish' | 'admitted'>;
  readonly bus: Reporter;
  readonly limits: () => Config['limits'];
  readonly inFlight: () => number;
}): Limits {
  const { host, bus: reporter, limits, inFlight } = options;
  const agents = new RateLimiter();
  const peers = new PeerRates();
  const sources = new SourceLimit();
  const usage = new UsageShare({ host, clock: systemClock, reporter });
  const overload = new NodePressure({ bearable: () => limits().overload, inFlight, reporter });
  return {
    rates: {
      take: (key, rule, nowMs) => agents.take(key, rule, nowMs),
      broughtBy: (peer) => peers.of(peer),
      takeShared: (agentId, tool, limit) => usage.take(agentId, tool, limit),
    },
    overload,
    source: (ip) => sources.take(ip, limits()),
    start() {
      usage.start();
      overload.start();
    },
    async stop() {
      overload.stop();
      await usage.stop();
    },
  };
}
