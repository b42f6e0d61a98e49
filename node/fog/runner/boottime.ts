import { uptime } from 'node:os';

/** Milliseconds since the machine booted, sleep included: the one clock that leases are counted on. Resolution 10 ms. */
export function boottimeMs(): number {
  return Math.round(uptime() * 1000);
}
