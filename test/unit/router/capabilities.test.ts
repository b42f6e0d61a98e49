import { describe, expect, test } from 'vitest';
import { capabilitiesOf } from '../../../node/router/capabilities.ts';
import { buildCatalogue } from '../../../src/routing/index.ts';
import { definition, NODE_A, offer } from '../routing/offers.ts';

const CALLABLE = { requests: { tools: { call: {} } } };

/** What a view of servers with these capabilities declares. */
function declared(
  capabilities: readonly Record<string, unknown>[],
  era: 'session' | 'stateless' = 'session',
  whole = true,
) {
  const offers = capabilities.map((one, index) =>
    offer(`s${index}`, NODE_A, { definition: definition([], { capabilities: one }), definitionHash: `h${index}` }),
  );
  return capabilitiesOf(buildCatalogue(offers, 1).services, { era, whole });
}

const LISTS = {
  tools: { listChanged: true },
  resources: { listChanged: true },
  prompts: { listChanged: true },
};

describe('what the whole village can do', () => {
  test('are its lists at least, which change with every node', () => {
    expect(declared([])).toEqual(LISTS);
    expect(declared([{}])).toEqual(LISTS);
  });

  test('is what one of its servers can', () => {
    expect(declared([{ completions: {} }, { logging: {} }, { resources: { subscribe: true } }])).toEqual({
      ...LISTS,
      resources: { listChanged: true, subscribe: true },
      completions: {},
      logging: {},
    });
  });

  test.each([
    [{ resources: { subscribe: 'yes' } }],
    [{ completions: true }],
    [{ logging: null }],
    [{ tasks: { list: {}, cancel: {} } }],
    [{ tasks: { requests: { tools: { call: true } } } }],
    [{ tasks: 'all' }],
  ])('is not what a malformed declaration says: %j', (capabilities) => {
    expect(declared([capabilities])).toEqual(LISTS);
  });

  test('is tasks, where a tool can be called as one, with a list of our own', () => {
    expect(declared([{ tasks: CALLABLE }])['tasks']).toEqual({ list: {}, ...CALLABLE });
    expect(declared([{ tasks: { ...CALLABLE, cancel: {}, more: 1 } }])['tasks']).toEqual({
      list: {},
      cancel: {},
      ...CALLABLE,
    });
    expect(declared([{ tasks: CALLABLE }], 'stateless')).toEqual(LISTS);
  });
});

test('the view of one server declares the lists that it has', () => {
  expect(declared([{ tools: {} }], 'session', false)).toEqual({ tools: { listChanged: true } });
  const offers = [offer('s', NODE_A, { definition: definition(['echo'], { capabilities: {} }) })];
  const { services } = buildCatalogue(offers, 1);
  expect(capabilitiesOf(services, { era: 'session', whole: false })).toEqual({ tools: { listChanged: true } });
});
