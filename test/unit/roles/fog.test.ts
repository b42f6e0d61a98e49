import { describe, expect, test } from 'vitest';
import { HostedRole } from '../../../node/backends/hosted-role.ts';
import type { BackendContext } from '../../../node/backends/index.ts';
import type { DeployRequest, DeploymentView, FogOffice, ShardView } from '../../../node/fog/index.ts';
import { fogRole } from '../../../node/roles/fog/index.ts';

const NODE = '12D3KooWHere';
const shard: ShardView = {
  shardId: 'm',
  deployment: 'm',
  slot: 0,
  owner: NODE,
  agentType: 'magi',
  status: 'running',
  state: 'running',
  term: 1,
  epoch: 3,
  nodeId: NODE,
  placementId: 'p1',
  reason: undefined,
  detail: undefined,
  server: 'magi-12345678',
};
const view: DeploymentView = {
  deployment: 'm',
  owner: NODE,
  agentType: 'magi',
  mode: 'exclusive',
  server: 'magi-12345678',
  shards: [shard],
  proposalId: undefined,
  refusal: undefined,
};
const slot = { owner: NODE, deployment: 'm', slot: 0 };

/** An office that answers one deployment, and remembers what it was asked for. */
class OneDeployment {
  readonly asked: DeployRequest[] = [];
  drainedMs: number | undefined;
  #listener: (() => void) | undefined;
  readonly #view: DeploymentView;

  constructor(known = view) {
    this.#view = known;
  }

  changed(): void {
    this.#listener?.();
  }

  get office(): FogOffice {
    const lines: string[] = ['hello'];
    return {
      nodes: () => ({ nodes: [], filtered: { memMib: 2 } }),
      plan: () => ({
        slots: [{ slot: 0, nodeId: NODE }],
        filtered: {},
        perNode: [{ nodeId: 'far', code: 'DRAINING', detail: 'draining' }],
        needsVote: ['a GPU'],
        approval: undefined,
      }),
      deploy: async (request, { onProgress }) => {
        this.asked.push(request);
        onProgress?.({ atMs: 1, of: 'slot', id: 'm 0', from: 'pending', to: 'soliciting', because: 'asking', slot });
        onProgress?.({ atMs: 2, of: 'slot', id: 'm 0', from: 'starting', to: 'running', because: 'ready', slot });
        return { kind: 'done', value: this.#view };
      },
      status: (id) => (id === 'm' ? this.#view : undefined),
      list: () => [this.#view],
      explain: (id) =>
        id === 'm'
          ? {
              shard,
              why: 'm is running',
              perNode: [],
              timeline: [
                {
                  atMs: 1_000,
                  of: 'slot',
                  id: 'm 0',
                  from: 'none',
                  to: 'pending',
                  because: 'deployed',
                  slot,
                  fence: { term: 1, epoch: 3 },
                },
              ],
            }
          : undefined,
      stop: async () => ({ kind: 'done', value: { shards: [{ ...shard, status: 'stopped' }] } }),
      drain: (options) => {
        this.drainedMs = options?.deadlineMs;
      },
      undrain: () => undefined,
      reservations: () => [],
      ledger: () =>
        ({
          nodeId: NODE,
          bootSeq: 1,
          ...Object.fromEntries(
            ['capacity', 'free', 'held', 'committed', 'promised'].map((name) => [
              name,
              { cpuMilli: 1_500, memMib: 2_048, diskMib: 0, gpus: 0 },
            ]),
          ),
          freeGpuIds: [],
          shards: 1,
          maxShards: 8,
          draining: this.drainedMs !== undefined,
          power: 'accept',
          enforcement: ['watchdog'],
        }) as unknown as ReturnType<FogOffice['ledger']>,
      logs: (id) => (id === 'm' ? { read: () => ({ lines, dropped: 0 }), follow: () => () => undefined } : undefined),
      artifactsInUse: () => new Set(),
      followLogs: () => undefined,
      onChange: (listener) => {
        this.#listener = () => listener({ atMs: 1, of: 'slot', id: 'm 0', from: 'a', to: 'b', because: 'c', slot });
        return () => {
          this.#listener = undefined;
        };
      },
    };
  }
}

const principal = { agentId: 'magi', homeNode: NODE } as BackendContext['principal'];

function contextFor(related: object[] = []): BackendContext {
  return {
    principal,
    era: 'session',
    callId: new Uint8Array(16),
    deadlineAt: performance.now() + 10_000,
    signal: new AbortController().signal,
    onRelated: (message) => related.push(JSON.parse(Buffer.from(message).toString('utf8')) as object),
  };
}

async function call(
  name: string,
  args: object,
  { made = new OneDeployment(), meta, related }: { made?: OneDeployment; meta?: object; related?: object[] } = {},
) {
  const role = new HostedRole(
    fogRole({ office: made.office, nodeId: NODE, wallMs: () => 1_800_000_000_000, boottimeMs: () => 5_000 }),
    { wallMs: Date.now, reporter: { report: () => undefined } },
  );
  const params = { name, arguments: args, ...(meta === undefined ? {} : { _meta: meta }) };
  const { body } = await role.request({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }, contextFor(related));
  const { result } = JSON.parse(Buffer.from(body).toString('utf8')) as {
    result: { isError?: boolean; structuredContent: Record<string, unknown> };
  };
  return result;
}

describe('deploy_agent_shard', () => {
  const wanted = { agent_type: 'magi', shard_id: 'm' };

  test('takes from the profile of the agent what is not said', async () => {
    const made = new OneDeployment();
    const { structuredContent } = await call('deploy_agent_shard', wanted, { made });
    expect(structuredContent).toMatchObject({
      deployment_id: 'm',
      shard_id: 'm',
      node_id: NODE,
      placement_id: 'p1',
      epoch: 3,
      status: 'running',
      server: 'magi-12345678',
    });
    expect(made.asked[0]).toMatchObject({
      shardId: 'm',
      slots: 1,
      targetNode: undefined,
      wait: 'running',
      spec: {
        artifact: 'role:agent',
        res: { cpuMilli: 1_800, memMib: 600, gpus: 0 },
        priority: 'normal',
        mode: 'exclusive',
        preemptible: false,
      },
    });
  });

  test('counts memory_gb in GiB and cores in thousandths, without a remainder', async () => {
    const made = new OneDeployment();
    const allocation = { cpu_cores: 1.1, memory_gb: 0.3, priority: 'low' };
    await call('deploy_agent_shard', { ...wanted, resource_allocation: allocation }, { made });
    expect(made.asked[0]?.spec).toMatchObject({ res: { cpuMilli: 1_100, memMib: 307 }, preemptible: true });
  });

  test('keeps a twin on the node of its owner', async () => {
    const made = new OneDeployment();
    await call('deploy_agent_shard', { agent_type: 'twin', shard_id: 't' }, { made });
    expect(made.asked[0]?.targetNode).toBe(NODE);
  });

  test('hands a snapshot to the shard beside its arguments', async () => {
    const made = new OneDeployment();
    await call('deploy_agent_shard', { ...wanted, args: { a: 1 }, state: { seen: 7 } }, { made });
    expect(made.asked[0]?.spec.args).toEqual({ a: 1, state: { seen: 7 } });
  });

  test('tells how far it is to whoever gave a token for that, in rising numbers', async () => {
    const related: object[] = [];
    await call('deploy_agent_shard', wanted, { meta: { progressToken: 'how' }, related });
    expect(related).toEqual([
      {
        jsonrpc: '2.0',
        method: 'notifications/progress',
        params: { progressToken: 'how', progress: 1, message: 'soliciting, asking' },
      },
      {
        jsonrpc: '2.0',
        method: 'notifications/progress',
        params: { progressToken: 'how', progress: 2, message: 'running, ready' },
      },
    ]);
    const silent: object[] = [];
    await call('deploy_agent_shard', wanted, { related: silent });
    expect(silent).toEqual([]);
  });

  test('an agent that comes again with the same key and other arguments is refused', async () => {
    const role = new HostedRole(
      fogRole({ office: new OneDeployment().office, nodeId: NODE, wallMs: Date.now, boottimeMs: () => 0 }),
      { wallMs: Date.now, reporter: { report: () => undefined } },
    );
    const ask = async (more: object) => {
      const params = { name: 'deploy_agent_shard', arguments: { ...wanted, idempotency_key: 'k', ...more } };
      const { outcome, reason } = await role.request(
        { jsonrpc: '2.0', id: 1, method: 'tools/call', params },
        contextFor(),
      );
      return `${outcome} ${reason}`;
    };
    expect([await ask({}), await ask({}), await ask({ slots: 2 })]).toEqual(['ok ', 'ok ', 'tool_error CONFLICT']);
  });

  test.each([
    ['a command line instead of an artifact', { artifact: 'rm -rf /' }],
    ['no room for its name', { shard_id: 'x'.repeat(129) }],
    ['an unknown member', { cores: 4 }],
    ['a negative amount', { resource_allocation: { cpu_cores: -1 } }],
    ['a class that is none', { resource_allocation: { priority: 'urgent' } }],
    ['too many slots', { slots: 65 }],
    ['half a device', { gpu: 0.5 }],
    ['more input than travels in one message', { args: { text: 'x'.repeat(33 * 1024) } }],
  ])('%s is refused before anything is asked', async (_what, more) => {
    const made = new OneDeployment();
    const { isError, structuredContent } = await call('deploy_agent_shard', { ...wanted, ...more }, { made });
    expect(isError).toBe(true);
    expect(structuredContent).toMatchObject({ code: 'INVALID_ARGUMENTS', retryable: false });
    expect(made.asked).toEqual([]);
  });

  test('what is blocked says why and what each node said; what failed is an error with the same body', async () => {
    const refusal = {
      code: 'DRAINING',
      message: '1 node: 1 draining',
      retryable: true,
      perNode: [{ nodeId: 'far', code: 'DRAINING', detail: 'draining' }],
    } as const;
    const stuck = (status: 'blocked' | 'failed') =>
      new OneDeployment({ ...view, refusal, shards: [{ ...shard, status, nodeId: undefined }] });
    const why = {
      code: 'DRAINING',
      retryable: true,
      node_id: null,
      per_node: [{ node_id: 'far', code: 'DRAINING', detail: 'draining' }],
    };
    const blocked = await call('deploy_agent_shard', wanted, { made: stuck('blocked') });
    expect(blocked.isError).toBeUndefined();
    expect(blocked.structuredContent).toMatchObject({ status: 'blocked', ...why });
    const failed = await call('deploy_agent_shard', wanted, { made: stuck('failed') });
    expect(failed.isError).toBe(true);
    expect(failed.structuredContent).toMatchObject({ status: 'failed', ...why });
  });
});

describe('the other tools of fog', () => {
  test('a shard that nobody knows is refused by name', async () => {
    for (const tool of ['get_shard_status', 'explain_shard', 'stop_agent_shard']) {
      const { structuredContent } = await call(tool, { shard_id: 'nope' });
      expect(structuredContent).toMatchObject({ code: 'UNKNOWN_SHARD', shard_id: 'nope' });
    }
  });

  test('explain_shard gives the instants of the clock on the wall', async () => {
    const { structuredContent } = await call('explain_shard', { shard_id: 'm' });
    expect(structuredContent['timeline']).toEqual([
      {
        at: new Date(1_800_000_000_000 - 4_000).toISOString(),
        of: 'slot',
        from: 'none',
        to: 'pending',
        because: 'deployed',
        slot: 0,
        epoch: 3,
      },
    ]);
  });

  test('list_shards filters by kind, node and status', async () => {
    const count = async (filter: object) => (await call('list_shards', filter)).structuredContent['total'];
    expect(await count({})).toBe(1);
    expect(await count({ agent_type: 'magi', node_id: NODE, status: 'running' })).toBe(1);
    expect([
      await count({ agent_type: 'sage' }),
      await count({ node_id: 'far' }),
      await count({ status: 'failed' }),
    ]).toEqual([0, 0, 0]);
  });

  test('a node drains only itself', async () => {
    const made = new OneDeployment();
    const other = await call('drain_fog_node', { node_id: 'far' }, { made });
    expect(other.structuredContent).toMatchObject({ code: 'REFUSED_POLICY', node_id: 'far' });
    expect(made.drainedMs).toBeUndefined();
    const own = await call('drain_fog_node', { node_id: NODE, deadline_seconds: 7 }, { made });
    expect(own.structuredContent).toMatchObject({ node_id: NODE, draining: true });
    expect(made.drainedMs).toBe(7_000);
  });

  test('plan_agent_shard says why a vote is needed', async () => {
    const { structuredContent } = await call('plan_agent_shard', { agent_type: 'magi', shard_id: 'm', slots: 2 });
    expect(structuredContent).toMatchObject({ feasible: false, missing: 1, needs_vote: ['a GPU'] });
  });

  test('asking for resources holds nothing, and says so', async () => {
    const coordination = await call('fog_coordination', {
      action: 'request_resources',
      resource_requirements: { cpu_cores: 4 },
      task_description: 'think',
    });
    expect(coordination.structuredContent).toMatchObject({
      status: 'insufficient',
      held: false,
      filtered: { memory_gb: 2 },
    });
    const request = await call('resource_request', { agent_id: 'sage', memory_mb: 512 });
    expect(request.structuredContent).toMatchObject({ agent_id: 'sage', held: false });
  });

  test('resource_allocation views, allocates and releases', async () => {
    const made = new OneDeployment();
    const viewed = await call('resource_allocation', { action: 'view' }, { made });
    expect(viewed.structuredContent).toMatchObject({ ledger: { capacity: { cpu_cores: 1.5, memory_gb: 2 } } });
    const constraints = { shard_id: 'm', cpu_cores: 2 };
    const allocated = await call(
      'resource_allocation',
      { action: 'allocate', target_system: 'magi', constraints },
      { made },
    );
    expect(allocated.structuredContent).toMatchObject({ deployment: { deployment_id: 'm', status: 'running' } });
    expect(made.asked[0]).toMatchObject({ shardId: 'm', spec: { res: { cpuMilli: 2_000, memMib: 600 } } });
    const released = await call('resource_allocation', { action: 'release', target_system: 'm' }, { made });
    expect(released.structuredContent).toMatchObject({ shards: [{ status: 'stopped' }] });
  });
});

describe('the resources of fog', () => {
  test('tell who subscribed that the books, the shards and the shard itself changed', () => {
    const made = new OneDeployment();
    const heard: string[] = [];
    const role = fogRole({ office: made.office, nodeId: NODE, wallMs: Date.now, boottimeMs: () => 0 });
    const stop = role.onUpdated?.((uri) => heard.push(uri));
    made.changed();
    expect(heard).toEqual([
      'village://fog/ledger',
      'village://fog/shards',
      'village://fog/shards/m',
      'village://fog/shards/m%2F0',
    ]);
    stop?.();
    made.changed();
    expect(heard).toHaveLength(4);
  });

  test('logs are read where the shard runs; a name that is badly encoded is no resource', () => {
    const role = fogRole({ office: new OneDeployment().office, nodeId: NODE, wallMs: Date.now, boottimeMs: () => 0 });
    expect(role.readTemplate?.('village://fog/shards/m/logs', contextFor())).toEqual({
      shard_id: 'm',
      lines: ['hello'],
      dropped: 0,
    });
    expect(role.readTemplate?.('village://fog/shards/n/logs', contextFor())).toBeUndefined();
    expect(role.readTemplate?.('village://fog/shards/%E0%A4', contextFor())).toBeUndefined();
  });

  test('show what each kind of agent gets where its deployment does not say', () => {
    const role = fogRole({ office: new OneDeployment().office, nodeId: NODE, wallMs: Date.now, boottimeMs: () => 0 });
    const profiles = role.resources?.find(({ name }) => name === 'profiles')?.read(contextFor());
    const king = {
      resource_allocation: { cpu_cores: 2, memory_gb: 0.781 },
      strategy: 'fog_only',
      slots: { min: 2, max: 8 },
    };
    const twin = { agent_type: 'twin', strategy: 'local_only' };
    const others = { agent_type: '*', artifact: 'role:agent', strategy: 'adaptive', slots: { min: 1, max: 3 } };
    expect(profiles).toMatchObject({ profiles: [twin, king, { agent_type: 'magi' }, {}, {}, others] });
  });
});
