import { cleanUp, ProcessNode } from '../support/process-node.ts';
import { AMPLE } from '../support/two-nodes.ts';
import { gatewayTargets } from './gateway.ts';
import { OPENERS } from './openers.ts';
import { STREAMS } from './streams.ts';
import type { Target } from './target.ts';

/** Hands every target to `run`, those of the gateway before a node in a process of its own; `alive`: whether that is still well. */
export async function withTargets(
  run: (targets: readonly Target[], alive: () => Promise<boolean>) => Promise<void>,
): Promise<void> {
  const limits = { ...AMPLE, perNodePerSecond: 1_000_000, maxSessions: 100_000 };
  const node = await ProcessNode.start({ name: 'fuzzed', config: { limits }, timeoutMs: 60_000 });
  try {
    const alive = async () => !node.exited && (await fetch(new URL('/healthz', node.ready.gateway))).ok;
    await run([...OPENERS, ...STREAMS, ...gatewayTargets(node, await node.token())], alive);
  } finally {
    await node.stop().catch(() => undefined); // one that is gone has said so
    await cleanUp();
  }
}
