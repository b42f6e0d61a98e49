import type { Role } from '../../backends/role.ts';
import { resourceAllocation } from './allocate.ts';
import { deploymentAnswer, shardRow } from './answers.ts';
import { fogCoordination, resourceRequest } from './coordinate.ts';
import { deployAgentShard, planAgentShard } from './deploy.ts';
import { discoverFogNodes, nodeRow } from './discover.ts';
import { ledgerRow } from './ledger-row.ts';
import { LogWatch } from './log-watch.ts';
import { explainShard, getShardStatus, listShards } from './look.ts';
import type { FogRoleParts } from './ports.ts';
import { profileRows } from './profiles.ts';
import { fogPrompts } from './prompts.ts';
import { drainFogNode, stopAgentShard } from './stop.ts';

const READABLE = { mimeType: 'application/json', ttlMs: 1_000 } as const;
const NODES = 'village://fog/nodes';
const LEDGER = 'village://fog/ledger';
const SHARDS = 'village://fog/shards';
const PROFILES = 'village://fog/profiles';
const LOGS = '/logs';
const ANYTHING = { cpuMilli: 0, memMib: 0, diskMib: 0, gpus: 0 };

/** The Edge/Fog role: where agents run. Each node answers for itself: it owns what it deploys, and keeps its own books. */
export function fogRole(parts: FogRoleParts): Role {
  const { office } = parts;
  return {
    name: 'fog',
    title: 'Edge and fog computing',
    version: '1.0.0',
    share: 'local',
    instructions:
      'Runs shards of agents on the machines of the village. discover_fog_nodes shows who has room, deploy_agent_shard runs a shard and keeps it running, explain_shard says why it is where it is. A shard is a server: its tools are SERVER__tool. A string in params._meta["village/fog-key"] sends a call to the slot of a deployment that has that key.',
    tools: [
      discoverFogNodes(parts),
      deployAgentShard(parts),
      planAgentShard(parts),
      getShardStatus(parts),
      listShards(parts),
      explainShard(parts),
      stopAgentShard(parts),
      drainFogNode(parts),
      fogCoordination(parts),
      resourceRequest(parts),
      resourceAllocation(parts),
    ],
    resources: [
      {
        uri: LEDGER,
        name: 'ledger',
        title: 'Books of your node',
        description: 'What your node has, holds, has given and has free; subscribe to hear of changes',
        ...READABLE,
        read: () => ({ ledger: ledgerRow(office.ledger()) }),
      },
      {
        uri: SHARDS,
        name: 'shards',
        title: 'Shards',
        description: 'Every slot that your node owns or has heard of; subscribe to hear of changes',
        ...READABLE,
        read: () => ({ shards: office.list().flatMap(({ shards }) => shards.map(shardRow)) }),
      },
      {
        uri: NODES,
        name: 'nodes',
        title: 'Nodes that run shards',
        description: 'What each node last said of its room',
        ...READABLE,
        read: () => ({ nodes: office.nodes({ need: ANYTHING, limit: 500 }).nodes.map(nodeRow) }),
      },
      {
        uri: PROFILES,
        name: 'profiles',
        title: 'Profiles of agents',
        description:
          'What a shard of each kind of agent gets where its deployment does not say. Resources, artifact and strategy are applied; how many slots, latency, GPU and battery are advice to whoever deploys',
        ...READABLE,
        read: () => ({ profiles: profileRows() }),
      },
    ],
    templates: [
      {
        uriTemplate: `${SHARDS}/{shard_id}`,
        name: 'shard',
        title: 'One deployment',
        description: 'How it stands (shard_id percent-encoded); subscribe to hear of changes',
        mimeType: 'application/json',
      },
      {
        uriTemplate: `${SHARDS}/{shard_id}${LOGS}`,
        name: 'shard-logs',
        title: 'What a shard printed',
        description:
          'The newest lines of its standard error, where it runs on your node (shard_id percent-encoded); subscribe to hear of new ones',
        mimeType: 'application/json',
      },
    ],
    readTemplate: (uri) => (uri.startsWith(`${SHARDS}/`) ? oneOf(parts, uri.slice(SHARDS.length + 1)) : undefined),
    onUpdated: (changed) => {
      const logs = new LogWatch(office, (shard) => changed(`${SHARDS}/${encodeURIComponent(shard)}${LOGS}`));
      logs.look();
      const stopListening = office.onChange(({ slot }) => {
        changed(LEDGER);
        changed(SHARDS);
        if (slot !== undefined) {
          for (const id of [slot.deployment, `${slot.deployment}/${slot.slot}`]) {
            changed(`${SHARDS}/${encodeURIComponent(id)}`);
          }
        }
        logs.look();
      });
      return () => {
        stopListening();
        logs.close();
      };
    },
    prompts: fogPrompts,
  };
}

function oneOf({ office }: FogRoleParts, path: string): Readonly<Record<string, unknown>> | undefined {
  const wantsLogs = path.endsWith(LOGS);
  const id = decoded(wantsLogs ? path.slice(0, -LOGS.length) : path);
  const view = id === undefined ? undefined : office.status(id);
  if (id === undefined || view === undefined) return undefined;
  if (!wantsLogs) return deploymentAnswer(view, { office });
  const logs = office.logs(id);
  return logs === undefined ? undefined : { shard_id: id, ...logs.read() };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
