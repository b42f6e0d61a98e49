import type { Service } from '../../src/routing/index.ts';

/** What a caller is told where no replica can be asked. */
export function nobodyServes(service: Service): { name: 'NO_HEALTHY_SERVER'; message: string } {
  return { name: 'NO_HEALTHY_SERVER', message: `no node serves ${service.label} now; try again in a moment` };
}

/** The same, of one node that was asked for by name. */
export function unknownNode(service: Service, nodeId: string): { name: 'NODE_UNREACHABLE'; message: string } {
  return {
    name: 'NODE_UNREACHABLE',
    message: `node ${nodeId} serves no ${service.label} that is known here; discover_nodes lists the nodes`,
  };
}
