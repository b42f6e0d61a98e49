import type { PolicyView } from '../src/constitution/index.ts';
import type { Config } from './config/index.ts';

type Limits = Config['limits'];

/** The limits of this node's configuration, each no higher than what the village decided. Worked out again only after a change. */
export function votedLimits(limits: () => Limits, policy: () => PolicyView): () => Limits {
  let known: { readonly of: Limits; readonly under: PolicyView; readonly limits: Limits } | undefined;
  return () => {
    const [of, under] = [limits(), policy()];
    if (known?.of !== of || known.under !== under) known = { of, under, limits: lower(of, under) };
    return known.limits;
  };
}

function lower(limits: Limits, policy: PolicyView): Limits {
  const least = (configured: number, key: string): number => {
    const voted = policy.value(key);
    return typeof voted === 'number' ? Math.min(configured, voted) : configured;
  };
  return {
    ...limits,
    perAgentPerMinute: least(limits.perAgentPerMinute, 'rates.per_agent.per_minute'),
    perSourcePerMinute: least(limits.perSourcePerMinute, 'rates.per_source.per_minute'),
    perNodePerSecond: least(limits.perNodePerSecond, 'rates.per_node.per_second'),
  };
}
