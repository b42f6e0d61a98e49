import type { Service } from '../../src/routing/index.ts';
import type { HostedServer } from './backend.ts';

/** Who may use a hosted server, also while it has never answered. */
export function accessOf(server: HostedServer): Pick<Service, 'kind' | 'access'> {
  const access = server.definition()?.access ?? server.access;
  return { kind: server.kind === 'role' ? 'role' : 'third_party', access };
}
