import type { RpcRequest } from '../../src/mcp/index.ts';
import type { BackendReply } from '../backends/backend.ts';
import { unavailable } from '../backends/call.ts';
import { isAboutTask } from './tasks.ts';

/** Whether a request begins something, rather than going on with what runs: a server that is drained takes no more of those. */
export function beginsAnew({ method, params }: RpcRequest): boolean {
  const goesOn = params?.['requestState'] !== undefined || isAboutTask(method) || method === 'resources/unsubscribe';
  return !goesOn;
}

export function drained({ id }: RpcRequest): BackendReply {
  return unavailable(id, 'it is being drained: it finishes what runs and begins nothing');
}
