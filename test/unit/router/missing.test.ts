import { describe, expect, test } from 'vitest';
import type { ServerState } from '../../../node/backends/backend.ts';
import { Missing } from '../../../node/router/missing.ts';
import { buildCatalogue } from '../../../src/routing/index.ts';
import { NotingServer } from '../../support/router-network.ts';

function hostedIn(state: ServerState) {
  const server = Object.assign(new NotingServer('tiny'), { state: () => ({ state, since: 0 }) });
  const catalogue = buildCatalogue([], 1);
  return new Missing({
    hosting: { servers: () => [server], get: () => server } as never,
    catalogue: () => catalogue,
  }).list();
}

describe('a server of this node that no list has', () => {
  test.each([
    ['starting', 'it is starting'],
    // Up, and the lists follow.
    ['healthy', 'it is starting'],
    ['down', 'it is down, and the status of this node says why'],
  ] as const)('and that is %s is missing: %s', (state, problem) => {
    expect(hostedIn(state)).toEqual([{ server: 'tiny', since: '1970-01-01T00:00:00.000Z', problem }]);
  });

  test('and that is switched off is not missed', () => {
    expect(hostedIn('disabled')).toEqual([]);
  });
});
