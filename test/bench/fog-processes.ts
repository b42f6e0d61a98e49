import { type Deployed, deployed, FogProcesses, GatewayAgent } from '../support/fog-processes.ts';
import { cleanUp, type ProcessNode } from '../support/process-node.ts';
import { until } from '../support/until.ts';

/**
 * What fog takes on real processes with real disks: five nodes, agents through the gateway. `node test/bench/fog-processes.ts [SHARDS]`
 */
const count = Number(process.argv[2] ?? 12);

const percentile = (sorted: readonly number[], share: number): string =>
  (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN).toFixed(1);
const report = (what: string, took: readonly number[]): void => {
  const sorted = took.toSorted((a, b) => a - b);
  const words = `p50 ${percentile(sorted, 0.5)} ms, p95 ${percentile(sorted, 0.95)} ms, max ${percentile(sorted, 1)} ms`;
  process.stdout.write(`${what} (${took.length}): ${words}\n`);
};
const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const began = performance.now();
  await work();
  return performance.now() - began;
};

const village = await FogProcesses.start(5, {
  limits: { perAgentPerMinute: 1_000_000, perSourcePerMinute: 1_000_000 },
});
const { first } = village;
try {
  const agent = new GatewayAgent(first, await first.token('magi'));
  const discover = () => agent.call('discover_fog_nodes', { min_cpu_cores: 1, min_memory_gb: 1 });
  for (let index = 0; index < 50; index += 1) await discover();
  const looked: number[] = [];
  for (let index = 0; index < 500; index += 1) looked.push(await timed(discover));
  report('discover_fog_nodes through the gateway', looked);

  for (const wait of ['accepted', 'running'] as const) {
    const took: number[] = [];
    for (let index = 0; index < count; index += 1) {
      const id = `${wait}-${index}`;
      const amounts = { cpu_cores: 0.1, memory_gb: 0.2 };
      const wanted = { agent_type: 'magi', shard_id: id, wait, resource_allocation: amounts };
      took.push(await timed(() => agent.call('deploy_agent_shard', wanted)));
      await agent.call('stop_agent_shard', { shard_id: id });
    }
    report(`deploy_agent_shard to ${wait}, one after the other`, took);
  }

  const ways: readonly [what: string, mode: string, end: (host: ProcessNode) => Promise<unknown>][] = [
    ['a node that is stopped, exclusive', 'exclusive', (host) => host.stop()],
    ['a node that is killed, at least once', 'at_least_once', (host) => host.kill()],
    ['a node that is killed, exclusive', 'exclusive', (host) => host.kill()],
  ];
  for (const [index, [what, mode, end]] of ways.entries()) {
    const host = village.nodes[index + 1] as ProcessNode;
    const id = `lost-${index}`;
    const amounts = ['--cpu', '0.5', '--memory', '0.25'];
    const placed = await deployed(first, [
      'magi',
      '--id',
      id,
      '--node',
      host.ready.node_id,
      '--fallback',
      '--mode',
      mode,
      ...amounts,
    ]);
    const began = performance.now();
    const ending = end(host);
    const status = () => agent.call('get_shard_status', { shard_id: id });
    await until(
      async () => {
        const now = (await status()).structuredContent as unknown as Deployed;
        return now.status === 'running' && now.node_id !== placed.node_id;
      },
      { timeoutMs: 60_000, intervalMs: 20, what: `${id} runs elsewhere` },
    );
    process.stdout.write(`replaced after ${what}: ${((performance.now() - began) / 1_000).toFixed(1)} s\n`);
    await ending;
    await agent.call('stop_agent_shard', { shard_id: id });
  }
} finally {
  await cleanUp();
}
