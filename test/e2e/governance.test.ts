import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { agentV1 } from '../support/agents.ts';
import { cleanUp, dataFolder, type Outcome, ProcessNode, village, villageJson } from '../support/process-node.ts';
import { until } from '../support/until.ts';

interface Acted {
  readonly proposal_id: string;
  readonly status: string;
  readonly proposal_status: string;
  readonly required_votes: number;
  readonly voting_deadline: string;
  readonly final_result?: { readonly status: string };
}
interface Policies {
  readonly policies: readonly {
    readonly key: string;
    readonly value: unknown;
    readonly decided_by: string;
    readonly certificate_id: string;
    readonly applied_by: readonly string[];
  }[];
}

let a: ProcessNode;
let b: ProcessNode;
let c: ProcessNode;
let d: ProcessNode;
let e: ProcessNode;
const all = () => [a, b, c, d, e];
const desk = dataFolder('desk'); // of somebody who belongs to no village

const KEY = 'knowledge.retention_days';
const policyOf = async (node: ProcessNode, key = KEY) =>
  (await node.json<Policies>(['gov', 'policy', key])).policies[0];
const valueAt = async (node: ProcessNode, key = KEY) => (await policyOf(node, key))?.value;
const everywhere = (value: unknown, key = KEY) =>
  until(async () => (await Promise.all(all().map((node) => valueAt(node, key)))).every((one) => one === value), {
    timeoutMs: 15_000,
    intervalMs: 200,
    what: `${key} is ${String(value)} on every node`,
  });
const vote = (node: ProcessNode, agent: string, id: string, word = 'approve'): Promise<Outcome> =>
  node.cli(['gov', 'vote', id.slice(0, 12), word, '--reason', 'it helps', '--agent', agent, '--json']);

/** Takes a voter's key from one node to another, as its owner would. */
async function move(agent: string, from: ProcessNode, to: ProcessNode): Promise<void> {
  const exported = await from.cli(['agents', 'key', 'export', agent]);
  expect(exported.code, exported.stderr).toBe(0);
  const file = join(desk, `${agent}.jwk`);
  writeFileSync(file, exported.stdout, { mode: 0o600 });
  const imported = await to.cli(['agents', 'key', 'import', file]);
  expect(imported.code, imported.stderr).toBe(0);
}

/** What follows proposes more in a minute than an agent may at first. */
async function decideOften(node: ProcessNode): Promise<void> {
  const often = ['--set', 'rates.governance_proposal.per_minute=600', '--set', 'rates.governance_vote.per_minute=600'];
  const asked = ['gov', 'propose', '--title', 'Often', '--type', 'critical_change', ...often, '--agent', 'sage'];
  const { proposal_id: id } = await node.json<Acted>(asked);
  for (const voter of ['sage', 'curator', 'king']) {
    const said = ['--reason', 'good', '--final', '--agent', voter, '--json'];
    const { code, stdout, stderr } = await node.cli(['gov', 'vote', id, 'approve', ...said]);
    expect(code, stdout + stderr).toBe(0);
  }
  await until(async () => (await valueAt(node, 'rates.governance_proposal.per_minute')) === 600);
}

beforeAll(async () => {
  a = await ProcessNode.start({ name: 'a' });
  await decideOften(a);
  const { invite } = await a.json<{ invite: string }>(['invite', '--uses', '3', '--may-invite']);
  [b, c, d] = await Promise.all([
    ProcessNode.start({ name: 'b', args: ['--join', invite] }),
    ProcessNode.start({ name: 'c', args: ['--join', invite] }),
    ProcessNode.start({ name: 'd', args: ['--join', invite] }),
  ]);
  const second = await d.json<{ invite: string }>(['invite']);
  e = await ProcessNode.start({ name: 'e', args: ['--join', second.invite] });
  await until(async () => (await e.json<{ peers_admitted: number }>(['status'])).peers_admitted > 0);
  await move('curator', a, b);
  await move('king', a, c);
}, 60_000);

afterAll(cleanUp);

describe('a village of five that decides', () => {
  let id: string;

  test('sage proposes on one node, curator and king approve on two others, and it is in force on all five', async () => {
    const curator = await agentV1(b.ready.gateway, await b.token('curator'));
    const heard: string[] = [];
    curator.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void heard.push(params.uri));
    await curator.subscribeResource({ uri: 'village://governance/proposals' });
    await curator.subscribeResource({ uri: 'village://governance/policy' });

    const sage = await agentV1(a.ready.gateway, await a.token('sage'));
    const proposed = await sage.callTool({
      name: 'governance_proposal',
      arguments: {
        title: 'Update Knowledge Retention Policy',
        description: 'Extend knowledge retention from 30 days to 90 days',
        type: 'major_change',
        proposed_changes: { config_updates: { [KEY]: 90 } },
        impact_assessment: { affected_systems: ['hyperrag', 'digital_twin'], risk_level: 'low', reversible: true },
      },
    });
    const created = proposed.structuredContent as unknown as Acted;
    expect(created).toMatchObject({ status: 'created', required_votes: 2 });
    expect(Date.parse(created.voting_deadline) - Date.now()).toBeGreaterThan(23 * 3_600_000);
    id = created.proposal_id;

    await until(() => heard.includes('village://governance/proposals'));
    // Whoever subscribed hears, a voter or not, on any node: of votes, of the decision, of the policy.
    const onlooker = await agentV1(d.ready.gateway, await d.token());
    const told: string[] = [];
    onlooker.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void told.push(params.uri));
    await until(async () => (await d.cli(['gov', 'show', id])).code === 0);
    await onlooker.subscribeResource({ uri: 'village://governance/proposals' });
    await onlooker.subscribeResource({ uri: `village://governance/certificates/${id}` });
    const voting = {
      proposal_id: id,
      vote: 'approve',
      reasoning: 'Knowledge retention extension improves agent performance',
    };
    const first = await curator.callTool({ name: 'governance_vote', arguments: voting });
    expect(first.structuredContent).toMatchObject({
      vote_recorded: true,
      proposal_status: 'voting_ongoing',
      votes_needed: 1,
    });
    await until(() => told.includes('village://governance/proposals'));
    await until(async () => (await c.cli(['gov', 'show', id])).stdout.includes('curator'));
    const second = JSON.parse((await vote(c, 'king', id)).stdout) as Acted;
    expect(second).toMatchObject({ proposal_status: 'approved', final_result: { status: 'approved' } });

    await everywhere(90);
    await until(() => heard.includes('village://governance/policy'));
    await until(() => told.includes(`village://governance/certificates/${id}`));
    await Promise.all([sage.close(), curator.close(), onlooker.close()]);
  }, 30_000);

  test('every node shows who decided it and that all five have applied it', async () => {
    const nodes = all()
      .map((node) => node.ready.node_id)
      .sort();
    for (const node of all()) {
      const call = ['tools', 'call', 'policy_query', '--args', JSON.stringify({ key: KEY })];
      const policies = await until(async () => {
        const { structuredContent } = await node.json<{ structuredContent: Policies }>(call);
        return structuredContent.policies[0]?.applied_by.length === 5 && structuredContent.policies;
      });
      expect(policies[0]).toMatchObject({ value: 90, decided_by: id, certificate_id: id, applied_by: nodes });
    }
  }, 20_000);

  test('the decision is proven with nothing but a file and the id of the village', async () => {
    const file = join(desk, 'certificate.json');
    writeFileSync(file, (await e.cli(['gov', 'certificate', id])).stdout);
    const verified = await village(join(desk, 'nowhere'), ['gov', 'verify', file, '--village', a.ready.village_id]);
    expect(verified).toMatchObject({ code: 0 });
    expect(verified.stdout).toContain('approved');
    const other = await village(join(desk, 'nowhere'), ['gov', 'verify', file, '--village', 'f'.repeat(64), '--json']);
    expect([other.code, JSON.parse(other.stdout)]).toEqual([1, { valid: false, reason: 'foreign-village' }]);
    const agent = await agentV1(d.ready.gateway, await d.token());
    const read = await agent.readResource({ uri: `village://governance/certificates/${id}` });
    expect(JSON.stringify(read.contents)).toContain(a.ready.village_id);
    await agent.close();
  });

  test('a decision about the matrix changes what agents may do, on nodes that had no part in it', async () => {
    const ping = ['tools', 'call', 'mesh_ping', '--json'];
    expect((await e.cli(ping)).code).toBe(0);
    const level = 'permissions.tools.mesh_ping.level';
    const { proposal_id } = await a.json<Acted>([
      'gov',
      'propose',
      '--title',
      'No more pings',
      '--type',
      'major_change',
      '--set',
      `${level}=COORDINATOR`,
      '--vote',
      '--agent',
      'sage',
    ]);
    await until(async () => (await vote(b, 'curator', proposal_id)).code === 0);
    await everywhere('COORDINATOR', level);
    expect((await e.cli(ping)).stdout).toContain('PERMISSION_DENIED');
  }, 20_000);

  test('a call that needs a vote becomes a proposal, and runs once when it is approved', async () => {
    const approval = 'permissions.tools.network_status.approval';
    const setting = ['--title', 'Ask first', '--type', 'major_change', '--set', `${approval}=minor_change`];
    const { proposal_id } = await a.json<Acted>(['gov', 'propose', ...setting, '--vote', '--agent', 'sage']);
    await until(async () => (await vote(b, 'curator', proposal_id)).code === 0);
    await everywhere('minor_change', approval);

    // Nobody on this node votes: a voter's node puts the question for it.
    const { structuredContent: asked } = await e.json<{ structuredContent: Acted }>([
      'tools',
      'call',
      'network_status',
    ]);
    expect(asked).toMatchObject({ status: 'awaiting_vote', required_votes: 1 });
    await until(async () => (await b.cli(['gov', 'show', asked.proposal_id])).code === 0);
    expect((await vote(b, 'curator', asked.proposal_id)).code).toBe(0);
    interface Shown {
      readonly proposal: {
        readonly status: string;
        readonly execution?: { readonly result: { readonly village_id: string } };
      };
    }
    const shown = await until(async () => {
      const answer = await e.json<Shown>(['gov', 'show', asked.proposal_id]);
      return answer.proposal.status === 'executed' && answer;
    });
    expect(shown.proposal.execution?.result.village_id).toBe(a.ready.village_id);
  }, 30_000);

  test('an agent registers as what it is, the king lists and proposes levels, an auditor counts what happened', async () => {
    const call = async (node: ProcessNode, tool: string, args: object, agent = 'local') => {
      const done = await node.cli(['tools', 'call', tool, '--agent', agent, '--args', JSON.stringify(args), '--json']);
      return JSON.parse(done.stdout) as { structuredContent?: object; error?: { code: string } };
    };
    const registered = await call(d, 'register_agent', { agent_id: 'local', capabilities: ['reads'] });
    expect(registered.structuredContent).toMatchObject({ status: 'registered', governance_level: 'OPERATOR' });
    const other = await call(d, 'register_agent', { agent_id: 'sage' });
    expect(other.structuredContent).toMatchObject({ code: 'NOT_YOURSELF' });
    const tool = 'agent_authorization_management';
    expect((await call(a, tool, { action: 'list' }, 'sage')).error?.code).toBe('PERMISSION_DENIED');
    const raise = { action: 'set_level', agent_id: 'gardener', governance_level: 'COORDINATOR' };
    expect((await call(c, tool, raise, 'king')).structuredContent).toMatchObject({ status: 'awaiting_vote' });
    const audit = await call(a, 'compliance_audit', { audit_type: 'governance' }, 'sage');
    expect(audit.structuredContent).toMatchObject({
      integrity: { intact: true },
      decisions: { disputed: 0 },
      findings: [],
    });
  }, 20_000);

  test('the king stops a server everywhere at once, and the two others let it go on', async () => {
    const servers = ['tools', 'call', 'discover_servers', '--json'];
    const asked = {
      override_action: 'emergency_shutdown',
      target_system: 'p2p_tools',
      justification: 'Somebody is inside our network tools',
    };
    const acting = ['tools', 'call', 'emergency_override', '--agent', 'king', '--args', JSON.stringify(asked)];
    const { structuredContent: acted } = await c.json<{
      structuredContent: { success: boolean; emergency_id: string };
    }>(acting);
    expect(acted).toMatchObject({ success: true, affected_systems: ['p2p_tools'] });
    await until(async () => JSON.stringify(await valueAt(e, 'emergency.blocked')) === '["p2p_tools"]', {
      timeoutMs: 10_000,
    });
    expect((await e.cli(servers)).code).toBe(0);
    const revoking = [
      'gov',
      'revoke',
      acted.emergency_id,
      '--reason',
      'It was a false alarm',
      '--agent',
      'sage',
      '--vote',
    ];
    const { proposal_id } = await a.json<Acted>(revoking);
    await until(async () => (await vote(b, 'curator', proposal_id)).code === 0);
    await until(async () => JSON.stringify(await valueAt(e, 'emergency.blocked')) === '[]', {
      timeoutMs: 10_000,
    });
  }, 30_000);

  test('a voter that is killed between signing and sending has voted; with an older copy of its disk it does not vote anew', async () => {
    const { proposal_id } = await a.json<Acted>([
      'gov',
      'propose',
      '--title',
      'Longer',
      '--type',
      'major_change',
      '--set',
      `${KEY}=120`,
      '--agent',
      'sage',
    ]);
    await until(async () => (await b.cli(['gov', 'show', proposal_id])).code === 0);
    await b.stop();
    const copy = join(desk, 'older');
    cpSync(b.data, copy, { recursive: true });
    b = await ProcessNode.start({ data: b.data });
    // Signed, on disk, and heard by nobody: all others are down when it is killed.
    const others = [a, c, d, e];
    await Promise.all(others.map((node) => node.stop()));
    expect((await vote(b, 'curator', proposal_id)).code).toBe(0);
    await b.kill();
    [a, c, d, e] = (await Promise.all(others.map(({ data }) => ProcessNode.start({ data })))) as typeof others as [
      ProcessNode,
      ProcessNode,
      ProcessNode,
      ProcessNode,
    ];
    b = await ProcessNode.start({ data: b.data });
    await until(async () => (await c.cli(['gov', 'show', proposal_id])).stdout.includes('curator'), {
      timeoutMs: 15_000,
    });
    expect((await vote(c, 'king', proposal_id)).code).toBe(0);
    await everywhere(120);

    await b.kill();
    rmSync(b.data, { recursive: true });
    cpSync(copy, b.data, { recursive: true });
    b = await ProcessNode.start({ data: b.data });
    const again = () => vote(b, 'curator', proposal_id, 'reject').then(({ stdout }) => stdout);
    await until(async () => (await again()).includes('ALREADY_DECIDED'), { timeoutMs: 40_000 });
    await everywhere(120);
    for (const node of all()) expect(node.log).not.toContain('governance.equivocation');
  }, 120_000);

  test('whoever joins late, through one node that wrote nothing, has the policy within 5 s', async () => {
    const { invite } = await d.json<{ invite: string }>(['invite']);
    const data = dataFolder('late');
    await villageJson(data, ['join', invite]);
    const late = await ProcessNode.start({ data });
    const started = performance.now();
    await until(async () => (await valueAt(late)) === 120, { timeoutMs: 5_000 });
    expect(performance.now() - started).toBeLessThan(5_000);
    await late.stop();
  }, 60_000);
});
