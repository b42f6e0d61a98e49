import { describe, expect, test } from 'vitest';
import { argumentHeaders, checkMirrored, mirroredArguments } from '../../../src/mcp/index.ts';

const schema = {
  type: 'object',
  properties: {
    region: { type: 'string', 'x-mcp-header': 'Region' },
    count: { type: 'integer', 'x-mcp-header': 'Count' },
    dry: { type: 'boolean', 'x-mcp-header': 'Dry' },
    plain: { type: 'string' },
    where: { type: 'object', properties: { zone: { type: 'string', 'x-mcp-header': 'Zone' } } },
  },
};
const check = (args: unknown, headers: Record<string, string>): string | undefined =>
  checkMirrored(mirroredArguments(schema), args, (name) => headers[name])?.message;

describe('the arguments to mirror', () => {
  test('are those whose schema says so, at any depth', () => {
    expect(mirroredArguments(schema)).toEqual([
      { header: 'mcp-param-region', path: ['region'], isNumber: false },
      { header: 'mcp-param-count', path: ['count'], isNumber: true },
      { header: 'mcp-param-dry', path: ['dry'], isNumber: false },
      { header: 'mcp-param-zone', path: ['where', 'zone'], isNumber: false },
    ]);
  });

  test.each([
    [undefined],
    [true],
    [{ properties: [] }],
    [{ properties: { a: { 'x-mcp-header': 'two words' } } }],
    [{ properties: { a: { 'x-mcp-header': 5 } } }],
    [{ properties: { a: null } }],
    [{ items: { properties: { a: { 'x-mcp-header': 'A' } } } }],
  ])('of %j are none', (given) => {
    expect(mirroredArguments(given)).toEqual([]);
  });

  test('of a schema without bottom end somewhere', () => {
    const deep: { properties: Record<string, unknown> } = { properties: {} };
    deep.properties['again'] = deep;
    expect(mirroredArguments(deep)).toEqual([]);
  });
});

describe('headers that', () => {
  test.each([
    [{ region: 'eu' }, { 'mcp-param-region': 'eu' }],
    [{ region: 'é' }, { 'mcp-param-region': '=?base64?w6k=?=' }],
    [{ region: '=?base64?x' }, { 'mcp-param-region': '=?base64?x' }],
    [{ count: 42 }, { 'mcp-param-count': '42.0' }],
    [{ dry: false }, { 'mcp-param-dry': 'false' }],
    [{ where: { zone: 'a' } }, { 'mcp-param-zone': 'a' }],
    [{ plain: 'x' }, {}],
    [{ region: null }, { 'mcp-param-region': 'whatever' }],
    [undefined, {}],
  ])('fit the arguments %j are right', (args, headers) => {
    expect(check(args, headers)).toBeUndefined();
  });

  test.each([
    [{ region: 'eu' }, {}, 'missing'],
    [{ region: 'eu' }, { 'mcp-param-region': 'us' }, 'differs'],
    [{ region: 'Hello' }, { 'mcp-param-region': '=?base64?SGVsbG8?=' }, 'base64'],
    [{ region: 'Hello' }, { 'mcp-param-region': '=?base64?SGVs!!!bG8=?=' }, 'base64'],
    [{ region: '' }, {}, 'missing'],
    [{ count: 42 }, { 'mcp-param-count': '0x2a' }, 'differs'],
    [{ dry: true }, { 'mcp-param-dry': 'TRUE' }, 'differs'],
    [{ where: { zone: 'a' } }, { 'mcp-param-zone': 'b' }, 'where.zone'],
  ])('do not fit the arguments %j are refused: %j', (args, headers, because) => {
    expect(check(args, headers as Record<string, string>)).toContain(because);
  });
});

test('the headers that repeat arguments say them in a form that fits', () => {
  const args = { region: 'é', count: 7, dry: false, plain: 'x', where: { zone: 'a' } };
  expect(argumentHeaders(mirroredArguments(schema), args)).toEqual({
    'mcp-param-region': '=?base64?w6k=?=',
    'mcp-param-count': '7',
    'mcp-param-dry': 'false',
    'mcp-param-zone': 'a',
  });
  expect(argumentHeaders(mirroredArguments(schema), { region: null, count: 1.5, where: 5 })).toEqual({});
});
