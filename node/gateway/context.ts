import type { Sessions } from './sessions.ts';
import type { Subscriptions } from './subscriptions.ts';
import type { AuthPort, LimiterPort, RouterPort } from './router-port.ts';

export interface GatewayLimits {
  readonly maxBodyBytes: number;
  readonly maxSessions: number;
  readonly sessionIdleMs: number;
  /** Requests of one session that may wait for their reply at once. */
  readonly maxInFlight: number;
}

/** What every handler of a request works with. */
export interface GatewayContext {
  readonly router: RouterPort;
  readonly auth: AuthPort;
  readonly limiter: LimiterPort;
  readonly sessions: Sessions;
  readonly subscriptions: Subscriptions;
  readonly limits: GatewayLimits;
  /** Named to clients as `serverInfo`. */
  readonly serverInfo: { readonly name: string; readonly version: string };
  /** What `/version` answers. */
  readonly build: Readonly<Record<string, unknown>>;
  readonly ready: () => boolean;
  /** Milliseconds of a clock that is not set. */
  readonly now: () => number;
}
