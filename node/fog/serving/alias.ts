import { sha256Hex } from '../../../src/kernel/index.ts';

const MAX_TYPE = 20;

/**
 * The name under which all slots of a deployment are one server, on whatever node they run: `magi-1a2b3c4d`. The same on every node,
 * and different for two owners that chose the same id.
 */
export function aliasOf({
  owner,
  deployment,
  agentType,
}: {
  owner: string;
  deployment: string;
  agentType: string;
}): string {
  const type = agentType.replace(/^[^A-Za-z0-9]+/, '').slice(0, MAX_TYPE) || 'shard';
  return `${type}-${sha256Hex(`${owner} ${deployment}`).slice(0, 8)}`;
}
