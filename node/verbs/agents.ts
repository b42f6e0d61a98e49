import type { Membership, PolicyView } from '../../src/constitution/index.ts';
import { ownAgentId } from '../../src/constitution/index.ts';
import { VillageError } from '../../src/kernel/index.ts';
import type { AdminHandlers, AgentRow } from '../admin/index.ts';
import { SignerState } from '../governance/index.ts';
import type { AgentKeystore, OwnAgents } from '../identity/index.ts';

export class AgentsError extends VillageError<'NAME_TAKEN' | 'NO_MEMBERSHIP' | 'UNKNOWN_AGENT' | 'KEY_DAMAGED'> {}

export interface AgentParts {
  readonly nodeId: string;
  readonly policy: () => PolicyView;
  readonly membership: () => Membership | undefined;
  readonly ownAgents: OwnAgents;
  readonly keystore: AgentKeystore;
  /** What was verified before may no longer hold. */
  readonly forget: () => void;
  /** Where a voter's log ends: goes with its key. */
  readonly signerState: (voter: string) => Promise<SignerState>;
  /** A voter's key came here without word of what it signed: it signs nothing before the others were asked. */
  readonly distrust: (voter: string) => Promise<void>;
  /** A voter's key came here: it signs nothing before its log is known up to there. */
  readonly adopt: (state: SignerState) => Promise<void>;
}

/** The verbs about who may be spoken for here; the same with and without a running node. */
export function agentVerbs(
  parts: AgentParts,
): Pick<AdminHandlers, 'agents.list' | 'agents.add' | 'agents.key.new' | 'agents.key.export' | 'agents.key.import'> {
  const { nodeId, keystore, ownAgents } = parts;
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
    'agents.key.new': async ({ name }) => {
      if (parts.policy().agentOf(name) !== undefined) {
        throw new AgentsError('NAME_TAKEN', `the village has an agent ${name} already`);
      }
      return { name, key: keystore.create([name])[name] ?? '' };
    },
    'agents.key.export': async ({ name }) => {
      if (!parts.policy().isVoter(name)) return { key: { ...keystore.copy(name) }, moved: false };
      // The file that the move leaves is out of use here, and stays: a voter's key that a full disk swallowed would be gone for good.
      const { jwk } = keystore.move(name);
      parts.forget();
      // Read when the key can sign no more here.
      return { key: { ...jwk, signer: await parts.signerState(name) }, moved: true };
    },
    'agents.key.import': async ({ key }) => {
      const state = signerStateIn(key);
      if (state !== undefined) await parts.adopt(state);
      else await distrusted(key, parts);
      const name = keystore.import(key, villageAgents(parts));
      parts.forget();
      return { name };
    },
  };
}

/** A voter's key from a backup may have signed since. Before it is here: it must not sign in between. */
async function distrusted(key: Readonly<Record<string, unknown>>, parts: AgentParts): Promise<void> {
  const agents = villageAgents(parts);
  const name = Object.keys(agents).find((agent) => agents[agent]?.key === key['x']);
  if (name !== undefined && !parts.keystore.has(name)) await parts.distrust(name);
}

/** undefined: the key of an agent that does not vote, or one made outside. */
function signerStateIn(key: Readonly<Record<string, unknown>>): SignerState | undefined {
  if (key['signer'] === undefined) return undefined;
  const state = SignerState.safeParse(key['signer']);
  if (state.success) return state.data;
  throw new AgentsError('KEY_DAMAGED', 'the file says unreadably what this key has signed', {
    hint: 'export it again where it was; a voter’s key without its state could contradict itself',
  });
}

/** Every bare name with the key it has now. */
function villageAgents({ policy }: AgentParts): Record<string, { readonly key: string }> {
  const view = policy();
  return Object.fromEntries(
    view.agentNames().flatMap((name) => {
      const agent = view.agentOf(name);
      return agent === undefined ? [] : [[name, { key: agent.key }]];
    }),
  );
}

function ownRows({ ownAgents, nodeId }: AgentParts): AgentRow[] {
  // A node's own agents need no key: the node vouches for them.
  return ownAgents
    .list()
    .map(([name, { level, role }]) => ({ name: ownAgentId(name, nodeId), level, role, has_key: true, kind: 'node' }));
}

function villageRows({ policy, keystore }: AgentParts): AgentRow[] {
  const view = policy();
  return view.agentNames().flatMap((name) => {
    const agent = view.agentOf(name);
    if (agent === undefined) return [];
    const { key, level, role } = agent;
    const voter = view.isVoter(name);
    return [{ name, level, role, has_key: keystore.publicKey(name) === key, kind: 'village', voter }];
  });
}
