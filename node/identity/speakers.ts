import {
  type Constitution,
  type Membership,
  ownAgentId,
  parseAgentId,
  type PolicyView,
} from '../../src/constitution/index.ts';
import { type Level, lowest } from '../../src/permissions/index.ts';
import type { OwnAgents } from './own-agents.ts';

/** An agent that this node knows and may issue for, given the key where one is needed. */
export interface Speaker {
  /** `sage`, or `local@Q3xK9a2Z`. */
  readonly agentId: string;
  /** Its name without the node. */
  readonly name: string;
  readonly kind: 'village' | 'node';
  readonly role: string;
  /** The highest level it acts with: the lowest of its table's (or the credential's cap) and policy's. */
  readonly level: Level;
}

export type SpeakerRefusal = 'unknown-agent' | 'other-nodes-agent' | 'not-a-member';

/** What decides who an agent is; read anew each time, since policy and membership change. */
export interface SpeakerSources {
  readonly nodeId: string;
  readonly constitution: Constitution;
  readonly policy: () => PolicyView;
  /** This node's own; undefined while it has none. */
  readonly membership: () => Membership | undefined;
  readonly ownAgents: OwnAgents;
}

/**
 * Whom a name means on this node: a bare name is the village's agent; where the village has none, or with `@` and this
 * node's suffix, it is this node's own.
 */
export function findSpeaker(name: string, sources: SpeakerSources): Speaker | SpeakerRefusal {
  const id = parseAgentId(name);
  if (id === undefined) return 'unknown-agent';
  const known = id.kind === 'village' ? sources.policy().agentOf(id.name) : undefined;
  if (known !== undefined) return { agentId: id.name, name: id.name, kind: 'village', ...known };
  if (id.kind === 'node' && name !== ownAgentId(id.name, sources.nodeId)) return 'other-nodes-agent';
  return ownSpeaker(id.name, sources);
}

function ownSpeaker(name: string, { nodeId, ownAgents, policy, membership }: SpeakerSources): Speaker | SpeakerRefusal {
  const known = ownAgents.get(name);
  if (known === undefined) return 'unknown-agent';
  const cap = membership()?.may.issue;
  if (cap === undefined) return 'not-a-member';
  const agentId = ownAgentId(name, nodeId);
  const level = lowest(known.level, cap, policy().levelOf(agentId) ?? cap);
  return { agentId, name, kind: 'node', role: known.role, level };
}
