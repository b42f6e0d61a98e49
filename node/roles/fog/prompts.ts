import type { RolePrompt } from '../../backends/role.ts';

export const fogPrompts: readonly RolePrompt[] = [
  {
    name: 'place_agent',
    title: 'Place an agent',
    description: 'Find room for an agent and deploy it',
    arguments: [
      { name: 'agent_type', description: 'magi, sage, king, oracle or another kind', required: true },
      { name: 'purpose', description: 'what it is to do', required: false },
    ],
    write: ({ agent_type: type, purpose }) =>
      `Deploy a shard of ${type}${purpose === undefined ? '' : ` for: ${purpose}`}.\n` +
      '1. Call list_shards with that agent_type: if one runs already that will do, name its server and stop.\n' +
      '2. Call plan_agent_shard with the agent_type and a shard_id of your choosing. If it is not feasible, read per_node and say what is short; if needs_vote is not empty, say so.\n' +
      '3. Call deploy_agent_shard with the same arguments. awaiting_vote: tell the voters the proposal_id. unknown: call get_shard_status until it is known; never deploy a second one meanwhile.\n' +
      '4. Report the node, the epoch and the server: its tools are SERVER__tool.',
  },
  {
    name: 'explain_placement',
    title: 'Explain a placement',
    description: 'Find out why a shard does not run, or moved',
    arguments: [{ name: 'shard_id', description: 'the shard', required: true }],
    write: ({ shard_id: id }) =>
      `Find out how shard ${id} stands and why.\n` +
      '1. Call explain_shard with it. What a node says of itself is its own word.\n' +
      '2. Read the timeline from the end: the last exit or refusal and its reason; each higher epoch is a new placement.\n' +
      '3. If nodes refused it, call discover_fog_nodes with what it needs and compare what is free with what is asked.\n' +
      '4. Say in three sentences what happened, what it waits for, and what would help (less resources, another node, a vote, patience).',
  },
];
