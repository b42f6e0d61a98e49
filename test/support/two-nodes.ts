import { ProcessNode } from './process-node.ts';
import { until } from './until.ts';

/** Limits that a test of something else does not meet. */
export const AMPLE = { perAgentPerMinute: 1_000_000, perSourcePerMinute: 1_000_000 };

export interface TwoNodes {
  /** Hosts the servers. */
  readonly host: ProcessNode;
  /** Another node of the village: everything it uses is a hop away. */
  readonly far: ProcessNode;
}

/** A village of two nodes in which the far one already lists every server of the first. `config` is for both. */
export async function twoNodes(
  mcpServers: Readonly<Record<string, object>>,
  config: object = { limits: AMPLE },
): Promise<TwoNodes> {
  const host = await ProcessNode.start({ name: 'host', config: { ...config, mcpServers } });
  const { invite } = await host.json<{ invite: string }>(['invite', '--uses', '1']);
  const far = await ProcessNode.start({ name: 'far', config, args: ['--join', invite] });
  await until(
    async () => {
      const { tools } = await far.json<{ tools: readonly { readonly name: string }[] }>(['tools', 'list']);
      return Object.keys(mcpServers).every((alias) => tools.some(({ name }) => name.startsWith(`${alias}__`)));
    },
    { timeoutMs: 20_000, what: `the other node lists ${Object.keys(mcpServers).join(', ')}` },
  );
  return { host, far };
}
