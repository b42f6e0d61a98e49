import type { FogAd } from './ad.ts';
import { ledgerOf } from './ledger.ts';
import type { NodeState } from './node-state.ts';
import { add } from './resources.ts';

/** What a node says of itself now, by its own ledger. What waits for room that was promised to it counts as held. */
export function adOf(
  state: NodeState,
  known: Pick<FogAd, 'village' | 'seq' | 'ts' | 'gpus' | 'power' | 'thermal' | 'psi'>,
): FogAd {
  const { config } = state;
  const { free, held, promised, shards } = ledgerOf(config, state.rows.values());
  return {
    v: 1,
    village: known.village,
    node: config.node,
    bootSeq: state.bootSeq,
    instance: state.instance,
    seq: known.seq,
    ts: known.ts,
    ttlMs: config.limits.adTtlMs,
    cap: config.capacity,
    free,
    held: add(held, promised),
    gpus: known.gpus,
    maxShards: config.maxShards,
    shards,
    runtimes: [...config.runtimes],
    enforcement: [...config.enforcement],
    labels: { ...config.labels },
    power: known.power,
    thermal: known.thermal,
    psi: known.psi,
    draining: state.drain !== undefined,
    policy: { ...config.policy, accepts: config.policy.accepts && state.power === 'accept' },
  };
}
