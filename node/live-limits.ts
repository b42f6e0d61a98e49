import type { Config } from './config/index.ts';

/** The limits as they are at each look: a changed configuration holds for whatever begins after it. */
export function liveLimits(limits: () => Config['limits']) {
  return {
    get maxBodyBytes() {
      return limits().maxBodyBytes;
    },
    get maxSessions() {
      return limits().maxSessions;
    },
    get sessionIdleMs() {
      return limits().sessionIdleMs;
    },
    /** Requests of one session. */
    get maxInFlight() {
      return limits().maxInFlightPerAgent;
    },
    get maxInFlightPerPeer() {
      return limits().maxInFlightPerPeer;
    },
  };
}
