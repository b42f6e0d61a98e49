import { sha256Hex, utf8 } from '../../src/kernel/index.ts';
import { MAX_COUNTS } from './schema.ts';

/** What stands for an agent and a tool: names are told to nobody. */
export function usageKey(agentId: string, tool: string): string {
  return sha256Hex(`${agentId}\n${tool}`).slice(0, 16);
}

/** The bytes to gossip: calls of the last minute by key, the busiest first; what is over 512 keys is left out. */
export function reportOf(seq: number, counts: readonly (readonly [key: string, count: number])[]): Uint8Array {
  return utf8(JSON.stringify({ v: 1, seq, counts: Object.fromEntries(counts.slice(0, MAX_COUNTS)) }));
}
