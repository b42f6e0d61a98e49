import { describe, expect, test } from 'vitest';
import type { ServerState } from '../../../node/backends/backend.ts';
import { Missing } from '../../../node/router/missing.ts';
import type { Level, Principal } from '../../../src/permissions/index.ts';
import { buildCatalogue } from '../../../src/routing/index.ts';
import { NotingServer } from '../../support/router-network.ts';

function hostedIn(state: ServerState, isUnfit = false) {
  const server = Object.assign(new NotingServer('tiny'), { state: () => ({ state, since: 0 }) });
  const catalogue = buildCatalogue([], 1);
  return new Missing({
    hosting: { servers: () => [server], get: () => server } as never,
    catalogue: () => catalogue,
    isUnfit: (alias) => isUnfit && alias === 'tiny',
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

  test('and that offers more than can be listed is not said to be starting', () => {
    const [missing] = hostedIn('healthy', true);
    expect(missing?.problem).toBe('it offers more than can be listed, and the status of this node says what to do');
    expect(hostedIn('down', true)[0]?.problem).toContain('it is down');
  });

  test('is missing since it was first found so, however often it is started again', () => {
    let condition: { state: ServerState; since: number } = { state: 'down', since: 1_000 };
    const server = Object.assign(new NotingServer('tiny'), { state: () => condition });
    const catalogue = buildCatalogue([], 1);
    const hosting = { servers: () => [server], get: () => server, onChange: () => () => {} };
    const missing = new Missing({ hosting, catalogue: () => catalogue });
    const seen = (state: ServerState, since: number) => {
      condition = { state, since };
      missing.refresh(catalogue);
      return missing.list()[0]?.since;
    };
    expect(seen('down', 1_000)).toBe('1970-01-01T00:00:01.000Z');
    expect(seen('starting', 2_000)).toBe('1970-01-01T00:00:01.000Z');
    expect(seen('down', 3_000)).toBe('1970-01-01T00:00:01.000Z');
    expect(seen('disabled', 4_000)).toBeUndefined();
    expect(seen('starting', 5_000)).toBe('1970-01-01T00:00:05.000Z');
  });

  test('and that is switched off is not missed', () => {
    expect(hostedIn('disabled')).toEqual([]);
  });
});

describe('who hears of a server that is away', () => {
  const aliases = (missing: Missing, level: Level, permissions?: readonly string[]) =>
    missing.list({ agentId: 'a', level, permissions } as Principal).map(({ server }) => server);

  test('is who may use any tool of it, also when this node hosts it and it never answered', () => {
    const access = { level: 'COORDINATOR', tools: { look: 'OPERATOR' } } as const;
    const server = Object.assign(new NotingServer('tiny'), { access, definition: () => undefined });
    const state = (): { state: ServerState; since: number } => ({ state: 'starting', since: 0 });
    const hosting = { servers: () => [Object.assign(server, { state })], get: () => server, onChange: () => () => {} };
    const missing = new Missing({ hosting, catalogue: () => buildCatalogue([], 1) });
    expect(aliases(missing, 'READ_ONLY')).toEqual([]);
    expect(aliases(missing, 'OPERATOR')).toEqual(['tiny']);
    expect(aliases(missing, 'OPERATOR', ['other__*'])).toEqual([]);
    expect(aliases(missing, 'OPERATOR', ['tiny__*'])).toEqual(['tiny']);
  });

  test('hears of it once when this node and another host it and neither serves it', () => {
    const server = Object.assign(new NotingServer('tiny'), {
      state: () => ({ state: 'down' as ServerState, since: 0 }),
    });
    const hosting = { servers: () => [server], get: () => server, onChange: () => () => {} };
    const away = new Map([['B', [{ alias: 'tiny', kind: 'third_party', level: 'OPERATOR', sinceMs: 0 } as const]]]);
    let catalogue = buildCatalogue([], 1);
    const missing = new Missing({ hosting, catalogue: () => catalogue });
    const { version } = missing;
    catalogue = buildCatalogue([], 2, { away });
    missing.refresh(catalogue);
    expect(missing.version).toBeGreaterThan(version);
    expect(missing.list()).toMatchObject([{ server: 'tiny', problem: expect.stringContaining('this node') }]);
  });
});
