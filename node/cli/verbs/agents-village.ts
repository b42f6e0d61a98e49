import { atLeast, type Level } from '../../../src/permissions/index.ts';
import type { ToolResult } from '../../admin/index.ts';
import { CliError } from '../exit.ts';
import type { Invocation } from '../invocation.ts';
import type { Session } from '../session.ts';
import { listing } from '../terminal.ts';

const CALL_TIMEOUT_MS = 30_000;

interface Wanted {
  readonly name: string;
  readonly level: Level;
  readonly vote?: boolean;
}

/** Makes a key here and proposes it as an agent of the whole village; `vote`: the voters whose keys are here approve it. */
export async function proposeAgent(session: Session, wanted: Wanted, { terminal }: Invocation): Promise<void> {
  const { name, level, vote } = wanted;
  const voters = await votersHere(session);
  const [proposer, ...others] = voters;
  if (proposer === undefined) {
    throw new CliError('USAGE', 'no voter’s key is on this node', {
      hint: 'a new name is a proposal: make it where a voter’s key is',
    });
  }
  const { key } = await session.call('agents.key.new', { name });
  const created = await call(session, proposer, 'governance_proposal', {
    title: `${name} becomes an agent of the village`,
    description: `${name} acts at level ${level}, with the key ${key}.`,
    type: atLeast(level, 'GOVERNANCE') ? 'critical_change' : 'major_change',
    proposed_changes: { config_updates: { [`agents.keys.${name}`]: key, [`agents.levels.${name}`]: level } },
    auto_vote: vote === true,
  });
  const proposalId = String(created['proposal_id']);
  let status = String(created['status']);
  for (const voter of vote === true ? others : []) {
    if (status !== 'created' && status !== 'voting_ongoing') break;
    const voted = await call(session, voter, 'governance_vote', {
      proposal_id: proposalId,
      vote: 'approve',
      reasoning: `${name} was proposed on this node`,
    });
    status = String(voted['proposal_status']);
  }
  const answer = { name, level, proposal_id: proposalId, status };
  terminal.answer(answer, listing(answer));
}

async function votersHere(session: Session): Promise<string[]> {
  const { agents } = await session.call('agents.list', {});
  return agents.filter((agent) => agent['voter'] === true && agent.has_key).map(({ name }) => name);
}

async function call(
  session: Session,
  agent: string,
  name: string,
  args: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> {
  const input = { name, arguments: args, agent, timeout_ms: CALL_TIMEOUT_MS };
  const result: ToolResult = await session.call('tools.call', input, { timeoutMs: CALL_TIMEOUT_MS + 5_000 });
  const value = (result['structuredContent'] ?? {}) as Readonly<Record<string, unknown>>;
  if (result.isError !== true) return value;
  throw new CliError('REFUSED', `${agent}: ${String(value['code'])}: ${String(value['message'])}`);
}
