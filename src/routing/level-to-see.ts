import { type Level, lowest } from '../permissions/index.ts';
import type { Service } from './service.ts';

/** The lowest level that may use anything of a server, and so may know of it. */
export function levelToSee({ kind, access }: Pick<Service, 'kind' | 'access'>): Level {
  if (kind === 'role') return 'READ_ONLY';
  // A third-party server of which nothing is known is there for whom such servers are there by default.
  return access === undefined ? 'OPERATOR' : lowest(access.level, ...Object.values(access.tools));
}
