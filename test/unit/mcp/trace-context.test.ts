import { describe, expect, test } from 'vitest';
import { isTracestate, parseTraceparent, traceparentOf, untracedParent } from '../../../src/mcp/index.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

describe('a traceparent', () => {
  test('says trace, parent, and whether the trace is kept', () => {
    const said = { traceId: TRACE, parentId: SPAN };
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-01`)).toEqual({ ...said, sampled: true });
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-00`)).toEqual({ ...said, sampled: false });
    // Only the lowest bit says so; the others have other meanings, or none yet.
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-03`)).toEqual({ ...said, sampled: true });
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-fe`)).toEqual({ ...said, sampled: false });
  });

  test.each([`cc-${TRACE}-${SPAN}-01`, `cc-${TRACE}-${SPAN}-01-later`])(
    'of a later version is read as far as this one goes: %s',
    (text) => {
      expect(parseTraceparent(text)).toEqual({ traceId: TRACE, parentId: SPAN, sampled: true });
    },
  );

  test.each([
    ['nothing', ''],
    ['another form', 'trace=1'],
    ['version ff', `ff-${TRACE}-${SPAN}-01`],
    ['more than version 00 has', `00-${TRACE}-${SPAN}-01-more`],
    ['a dash too many', `00-${TRACE}-${SPAN}-01-`],
    ['later fields without a dash', `cc-${TRACE}-${SPAN}-01.later`],
    ['capital letters', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['a trace of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['a parent of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['a short trace', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['a short parent', `00-${TRACE}-${SPAN.slice(1)}-01`],
    ['flags of one digit', `00-${TRACE}-${SPAN}-1`],
    ['space around it', ` 00-${TRACE}-${SPAN}-01`],
    ['a line feed behind it', `00-${TRACE}-${SPAN}-01\n`],
    ['two of them', `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
    ['more than there is room for', `cc-${TRACE}-${SPAN}-01-${'x'.repeat(100)}`],
  ])('is none with %s', (_what, text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });

  test('is written as it is read', () => {
    expect(traceparentOf(TRACE, SPAN)).toBe('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
    expect(untracedParent(TRACE, SPAN)).toBe('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00');
  });
});

test.each([
  ['rojo=00f067aa0ba902b7,congo=t61rcWkgMzE', true],
  ['', false],
  ['a=b\r\nx-evil: 1', false],
  ['a=é', false],
  ['x'.repeat(513), false],
  [undefined, false],
  [7, false],
])('a tracestate of %j goes on: %j', (value, goesOn) => {
  expect(isTracestate(value)).toBe(goesOn);
});
