import type { Awaitable, BackendContext } from '../backends/backend.ts';
import type { Forwarded } from './replicas.ts';
import type { Target } from './resolve.ts';

/** Where the slots of deployments are: a call of one goes to the node of its slot, and not to any that serves the same. */
export interface ShardRoutes {
  /** undefined: the service is no deployment. `send` takes a target that names its node. */
  forward(
    target: Target,
    context: BackendContext,
    send: (target: Target) => Awaitable<Forwarded>,
  ): Awaitable<Forwarded> | undefined;
}
