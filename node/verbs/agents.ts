import type { Constitution, Membership, PolicyView } from '../../src/constitution/index.ts';
import { ownAgentId } from '../../src/constitution/index.ts';
import { VillageError } from '../../src/kernel/index.ts';
import type { AdminHandlers, AgentRow } from '../admin/index.ts';
import type { AgentKeystore, OwnAgents } from '../identity/index.ts';

export class AgentsError extends VillageError<'NO_MEMBERSHIP' | 'UNKNOWN_AGENT'> {}

export interface AgentParts {
  readonly nodeId: string;
  readonly constitution: Constitution;
  readonly policy: () => PolicyView;
  readonly membership: () => Membership | undefined;
  readonly ownAgents: OwnAgents;
  readonly keystore: AgentKeystore;
  /** What was verified before may no longer hold. */
  readonly forget: () => void;
}

/** The verbs about who may be spoken for here; the same with and without a running node. */
export function agentVerbs(
  parts: AgentParts,
): Pick<AdminHandlers, 'agents.list' | 'agents.add' | 'agents.key.export' | 'agents.key.import'> {
  const { nodeId, constitution, keystore, ownAgents } = parts;
  return {
    'agents.list': async () => {
      ownAgents.reload();
      return { agents: [...ownRows(parts), ...villageRows(parts)] };
    },
    'agents.add': async ({ name, level }) => {
      const cap = parts.membership()?.may.issue;
      if (cap === undefined)
        throw new AgentsError('NO_MEMBERSHIP', 'this node belongs to no village yet', {
          hint: 'start it once, or join one',
        });
      ownAgents.add(name, { level, cap });
      parts.forget();
      return { name: ownAgentId(name, nodeId), level };
    },
    'agents.key.export': async ({ name }) => {
      if (!Object.hasOwn(constitution.voters, name)) return { key: { ...keystore.copy(name) }, moved: false };
      // The file that the move leaves is out of use here, and stays: a voter's key that a full disk swallowed would be gone for good.
      const { jwk } = keystore.move(name);
      parts.forget();
      return { key: { ...jwk }, moved: true };
    },
    'agents.key.import': async ({ key }) => {
      const name = keystore.import(key, constitution.agents);
      parts.forget();
      return { name };
    },
  };
}

function ownRows({ ownAgents, nodeId }: AgentParts): AgentRow[] {
  // A node's own agents need no key: the node vouches for them.
  return ownAgents
    .list()
    .map(([name, { level, role }]) => ({ name: ownAgentId(name, nodeId), level, role, has_key: true, kind: 'node' }));
}

function villageRows({ constitution, policy, keystore }: AgentParts): AgentRow[] {
  return Object.entries(constitution.agents).map(([name, agent]) => ({
    name,
    level: policy().levelOf(name) ?? agent.level,
    role: agent.role,
    has_key: keystore.has(name),
    kind: 'village',
    voter: Object.hasOwn(constitution.voters, name),
  }));
}
