import type { Principal } from '../../src/permissions/index.ts';
import type { Refusal } from './answer.ts';
import type { RouterPort } from './router-port.ts';

/** What an agent is told whose path names no server that is there: one that is away may be asked for again, another may not. */
export function refusalOfView(
  router: Pick<RouterPort, 'away'>,
  { principal, view }: { readonly principal: Principal; readonly view: string | undefined },
): Refusal {
  const why = view === undefined ? undefined : router.away(principal, view);
  if (why !== undefined) return { name: 'NO_HEALTHY_SERVER', message: why };
  return { name: 'INVALID_PARAMS', message: 'no such server', status: 404 };
}
