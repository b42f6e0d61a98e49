import { afterEach, expect, test } from 'vitest';
import { reportOf, USAGE, usageKey } from '../../protocols/usage/index.ts';
import { allow, forbid, link } from '../support/governing-nodes.ts';
import { until } from '../support/until.ts';
import { admittedAt, AGENT, type SharingNode, TOOL, UsageMesh } from '../support/usage-mesh.ts';

const EACH_MS = 50;
let mesh = new UsageMesh();
afterEach(async () => {
  await mesh.stop();
  mesh = new UsageMesh();
});

/** So many nodes, each linked to the next two around a ring, that all know each other. */
async function ring(count: number): Promise<SharingNode[]> {
  const nodes: SharingNode[] = [];
  for (let index = 0; index < count; index += 1) nodes.push(await mesh.start());
  for (const one of nodes) for (const other of nodes) if (one !== other) allow(one, other);
  for (const [index, node] of nodes.entries()) {
    for (const step of [1, 2]) {
      const next = nodes[(index + step) % count] as SharingNode;
      if (next !== node && !node.host.admitted().has(next.host.nodeId)) await link(node, next);
    }
  }
  await until(() => nodes.every(({ host }) => host.admitted().size >= Math.min(4, count - 1)), { timeoutMs: 10_000 });
  await heardByAll(nodes);
  return nodes;
}

/** Gossip is on its way between all: each report that a tool is used up arrives at every other node. */
async function heardByAll(nodes: readonly SharingNode[]): Promise<void> {
  await Promise.all(nodes.map((node, index) => heard(node, nodes, [`probe ${index} ${Date.now()}`])));
}

/** Says that these tools are used up until every other node goes by it. */
async function heard(node: SharingNode, nodes: readonly SharingNode[], tools: readonly string[]): Promise<void> {
  const others = nodes.filter((other) => other !== node);
  const lies = tools.map((tool) => [usageKey(AGENT, tool), 1_000_000] as const);
  await until(
    async () => {
      await tell(node, lies);
      return others.every((other) => admittedAt(other, 1, 20, tools[0]) === 0);
    },
    { timeoutMs: 10_000, intervalMs: 200, what: 'every other node hears a report' },
  );
}

async function tell({ host }: SharingNode, counts: readonly (readonly [string, number])[]): Promise<void> {
  await host.publish(USAGE.name, reportOf(Date.now(), counts));
}

/** Asks `each` again and again for so long; answers what it admitted in all. */
async function asked(ms: number, each: () => number): Promise<number> {
  const endsAt = performance.now() + ms;
  let total = 0;
  await until(
    () => {
      total += each();
      return performance.now() >= endsAt;
    },
    { timeoutMs: ms + 5_000, intervalMs: EACH_MS },
  );
  return total;
}

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

test('ten nodes that are all asked at once hold one limit within a fifth', async () => {
  const nodes = await ring(10);
  const perMinute = 200;
  const total = await asked(9_000, () => sum(nodes.map((node) => admittedAt(node, 3, perMinute))));
  process.stdout.write(`ten nodes on TCP, ${perMinute} a minute: ${total} admitted\n`);
  expect(total).toBeLessThanOrEqual(1.2 * perMinute);
  expect(total).toBeGreaterThan(0.7 * perMinute);
}, 60_000);

test('an agent that goes from node to node has one limit', async () => {
  const nodes = await ring(4);
  const perMinute = 100;
  const startedAt = performance.now();
  const total = await asked(6_000, () => {
    const at = Math.floor((performance.now() - startedAt) / 700) % nodes.length;
    return admittedAt(nodes[at] as SharingNode, 5, perMinute);
  });
  expect(total).toBeLessThanOrEqual(1.2 * perMinute);
  expect(total).toBeGreaterThan(0.5 * perMinute);
}, 60_000);

test('while the village is cut in two each part holds the limit; whole again, nobody has more', async () => {
  const nodes = (await ring(4)) as [SharingNode, SharingNode, SharingNode, SharingNode];
  const [a, b, c, d] = nodes;
  const [left, right] = [
    [a, b],
    [c, d],
  ] as const;
  const perMinute = 100;
  for (const one of left) for (const other of right) forbid(one, other);
  await until(() => nodes.every(({ host }) => host.admitted().size === 1), { timeoutMs: 10_000 });
  const both = [0, 0];
  await asked(6_000, () => {
    for (const [at, part] of [left, right].entries())
      both[at] = (both[at] ?? 0) + sum(part.map((node) => admittedAt(node, 3, perMinute)));
    return 0;
  });
  for (const total of both) {
    expect(total).toBeLessThanOrEqual(1.2 * perMinute);
    expect(total).toBeGreaterThan(0.5 * perMinute);
  }

  for (const one of left) for (const other of right) allow(one, other);
  await link(b, c);
  await until(() => [b, c].every(({ host }) => host.admitted().size >= 2), { timeoutMs: 10_000 });
  // What was used is told again every 5 s.
  await asked(6_000, () => sum(nodes.map((node) => admittedAt(node, 3, perMinute))));
  const after = await asked(2_000, () => sum(nodes.map((node) => admittedAt(node, 3, perMinute))));
  expect(after).toBe(0);
}, 60_000);

test('a node that reports absurd usage leaves others their floor, and other tools alone', async () => {
  const nodes = await ring(3);
  const [liar, ...honest] = nodes as [SharingNode, ...SharingNode[]];
  const perMinute = 600;
  const floor = perMinute / (20 * nodes.length);
  await heard(liar, nodes, ['probe', TOOL]);
  const admitted = honest.map(() => 0);
  await asked(2_000, () => {
    for (const [at, node] of honest.entries()) admitted[at] = (admitted[at] ?? 0) + admittedAt(node, 10, perMinute);
    return 0;
  });
  expect(admitted).toEqual(honest.map(() => floor));
  const elsewhere = await asked(2_000, () => sum(honest.map((node) => admittedAt(node, 50, perMinute, 'other_tool'))));
  expect(elsewhere).toBeGreaterThan(10 * floor);
}, 60_000);
