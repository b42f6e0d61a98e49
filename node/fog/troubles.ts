import type { DeploymentView } from './desk.ts';

export interface TroublesParts {
  /** Whether what each has to keep on disk can be put there. */
  readonly working: { readonly node: boolean; readonly owner: boolean };
  /** This node's own deployments, with the agent in whose name each was deployed. */
  readonly deployments: readonly { readonly view: DeploymentView; readonly agent: string }[];
  /** Agents in whose name nobody can be asked any more. */
  readonly unspoken: ReadonlySet<string>;
}

/** What the operator should know of fog and act on; empty when all is well. */
export function troublesOf({ working, deployments, unspoken }: TroublesParts): readonly string[] {
  const troubles: string[] = [];
  if (!working.node) troubles.push('fog: the disk failed, and no shard runs here until this node is started again');
  if (!working.owner) troubles.push('fog: the disk failed, and this node deploys nothing until it is started again');
  for (const { view, agent } of deployments) {
    const { deployment, refusal, shards } = view;
    const running = shards.filter(({ status }) => status === 'running').length;
    if (refusal !== undefined) {
      troubles.push(
        `fog: ${deployment} runs ${running} of ${shards.length} slots, ${refusal.code}: ${refusal.message}; \`village fog why ${deployment}\` tells more`,
      );
    }
    if (unspoken.has(agent)) {
      troubles.push(
        `fog: the token of ${agent} has ended and its key is not here, so what ${deployment} loses is not placed anew on other nodes: deploy it again with a new token`,
      );
    }
  }
  return troubles;
}
