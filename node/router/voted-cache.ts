import type { PolicyView } from '../../src/constitution/index.ts';

type Values = Pick<PolicyView, 'value'>;

/** How long results may be reused at most, as the village decided it, in milliseconds; 0: not at all. A policy is read once. */
export function votedCache(policy: () => Values): () => number {
  let known: { readonly under: Values; readonly maxTtlMs: number } | undefined;
  return () => {
    const under = policy();
    if (known?.under !== under) known = { under, maxTtlMs: read(under) };
    return known.maxTtlMs;
  };
}

function read(policy: Values): number {
  if (policy.value('cache.enabled') === false) return 0;
  const seconds = policy.value('cache.max_ttl_s');
  return (typeof seconds === 'number' ? seconds : 3_600) * 1_000;
}
