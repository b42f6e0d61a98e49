// The program of `role:agent`: a shard that does lexical work on request, speaking MCP on its standard streams.
import { readFileSync } from 'node:fs';
import { HostedRole } from '../../backends/hosted-role.ts';
import { AgentInput, agentRole } from './agent-role.ts';
import { serveRole } from './serve-role.ts';

const { FOG_INPUT: inputPath, FOG_SLOT: slot, FOG_EPOCH: epoch } = process.env;
const given: unknown = inputPath === undefined ? {} : JSON.parse(readFileSync(inputPath, 'utf8'));
const parsed = AgentInput.safeParse(given);
if (!parsed.success) {
  process.stderr.write(
    'the input of this deployment is not what an agent takes: {agent_type?, documents?: [{id, text}]}\n',
  );
  process.exit(2);
}
const situation = { input: parsed.data, slot: slot ?? null, epoch: epoch === undefined ? null : Number(epoch) };
const role = new HostedRole(agentRole(situation), {
  wallMs: Date.now,
  reporter: { report: (name, detail) => process.stderr.write(`${name} ${JSON.stringify(detail)}\n`) },
});
await role.start();
process.stdin.on(
  'data',
  serveRole(role, (line) => process.stdout.write(line)),
);
process.stdin.on('end', () => process.exit(0));
