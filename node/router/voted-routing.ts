import type { PolicyView } from '../../src/constitution/index.ts';
import type { BreakerRules } from '../../src/routing/index.ts';

const MAX_OPEN_MS = 30_000;

/** How calls are routed, as the village decided it: a decision holds from then on, for breakers that stand already too. */
export interface VotedRouting {
  /** Replicas tried for one call. */
  readonly maxAttempts: number;
  readonly breaker: BreakerRules;
}

type Values = Pick<PolicyView, 'value'>;

export function votedRouting(policy: () => Values): VotedRouting {
  let known: { readonly under: Values; readonly now: ReturnType<typeof read> } | undefined;
  // Every answer of a replica asks: a policy is read once.
  const now = (): ReturnType<typeof read> => {
    const under = policy();
    if (known?.under !== under) known = { under, now: read(under) };
    return known.now;
  };
  return {
    get maxAttempts() {
      return now().maxAttempts;
    },
    breaker: {
      get failures() {
        return now().failures;
      },
      get openMs() {
        return now().openMs;
      },
      get maxOpenMs() {
        return Math.max(MAX_OPEN_MS, now().openMs);
      },
    },
  };
}

function read(policy: Values) {
  const number = (key: string, otherwise: number): number => {
    const voted = policy.value(key);
    return typeof voted === 'number' ? voted : otherwise;
  };
  return {
    maxAttempts: number('routing.max_attempts', 3),
    failures: number('routing.breaker_failures', 5),
    openMs: number('routing.breaker_open_ms', 1_000),
  };
}
