import { describe, expect, test } from 'vitest';
import { readRequestHead } from '../../../node/gateway/fast-lane/request-head.ts';

const GOOD = ['POST /mcp HTTP/1.1', 'Host: a:1', 'Content-Length: 2'];
const head = (...lines: readonly string[]): string => `${lines.join('\r\n')}\r\n\r\n`;
const withField = (line: string): string => head(...GOOD, line);

describe('the head of a plain POST', () => {
  test('is read', () => {
    const text = head(
      'POST /mcp/echo?mode=list HTTP/1.1',
      'HOST: a:1',
      'content-length: 10',
      'X-A: b c',
      'Connection: Keep-Alive',
    );
    expect(readRequestHead(text)).toEqual({
      url: '/mcp/echo?mode=list',
      headers: { host: 'a:1', 'content-length': '10', 'x-a': 'b c', connection: 'Keep-Alive' },
      contentLength: 10,
    });
  });

  test('has no headers but those that came', () => {
    expect(readRequestHead(head(...GOOD))?.headers['constructor']).toBeUndefined();
  });

  test('may have 64 headers, and no more', () => {
    const more = Array.from({ length: 62 }, (_, n) => `X-${n}: y`);
    expect(readRequestHead(head(...GOOD, ...more))).toBeDefined();
    expect(readRequestHead(head(...GOOD, ...more, 'X-one-more: y'))).toBeUndefined();
  });
});

describe('what can be read in two ways is not read here:', () => {
  test.each([
    ['another method', head('GET /mcp HTTP/1.1', ...GOOD.slice(1))],
    ['a method in lower case', head('post /mcp HTTP/1.1', ...GOOD.slice(1))],
    ['an absolute target', head('POST http://a/mcp HTTP/1.1', ...GOOD.slice(1))],
    ['a fragment', head('POST /mcp#a HTTP/1.1', ...GOOD.slice(1))],
    ['two spaces before the target', head('POST  /mcp HTTP/1.1', ...GOOD.slice(1))],
    ['a tab in the request line', head('POST\t/mcp HTTP/1.1', ...GOOD.slice(1))],
    ['HTTP/1.0', head('POST /mcp HTTP/1.0', ...GOOD.slice(1))],
    ['HTTP/1.1 and a space', head('POST /mcp HTTP/1.1 ', ...GOOD.slice(1))],
    ['no version', head('POST /mcp', ...GOOD.slice(1))],
    ['an empty line before it', `\r\n${head(...GOOD)}`],
    ['a bare LF', head(...GOOD).replace('a:1\r\n', 'a:1\n')],
    ['a bare CR', head(...GOOD).replace('a:1\r\n', 'a:1\r')],
    ['CR CR LF', head(...GOOD).replace('a:1\r\n', 'a:1\r\r\n')],
    ['bare LFs at its end', `${GOOD.join('\r\n')}\n\n`],
    ['no end', GOOD.join('\r\n')],
    ['no Host', head('POST /mcp HTTP/1.1', 'Content-Length: 2')],
    ['two Hosts', withField('host: b')],
    ['a folded line', withField(' folded')],
    ['a line without a colon', withField('X')],
    ['a space before the colon', withField('X : y')],
    ['no space after the colon', withField('X:y')],
    ['two spaces after the colon', withField('X:  y')],
    ['a tab after the colon', withField('X:\ty')],
    ['an empty value', withField('X:')],
    ['a space at the end of a value', withField('X: y ')],
    ['a tab in a value', withField('X: y\tz')],
    ['a NUL', withField('X: y\0z')],
    ['a byte beyond ASCII', withField('X: \xe9')],
    ['a name with a NUL', withField('X\0: y')],
    ['a name in brackets', withField('(X): y')],
    ['a header that comes twice', head(...GOOD, 'Authorization: a', 'AUTHORIZATION: b')],
    ['two lengths that are the same', withField('Content-Length: 2')],
    ['no length', head(...GOOD.slice(0, 2))],
    ['a length with a sign', head(...GOOD.slice(0, 2), 'Content-Length: +2')],
    ['a length that begins with 0', head(...GOOD.slice(0, 2), 'Content-Length: 02')],
    ['a length in hex', head(...GOOD.slice(0, 2), 'Content-Length: 0x2')],
    ['a list of lengths', head(...GOOD.slice(0, 2), 'Content-Length: 2, 2')],
    ['a length no double holds', head(...GOOD.slice(0, 2), `Content-Length: ${'9'.repeat(30)}`)],
    ['chunks', withField('Transfer-Encoding: chunked')],
    ['an unknown coding', withField('Transfer-Encoding: identity')],
    ['an expectation', withField('Expect: 100-continue')],
    ['an upgrade', withField('Upgrade: h2c')],
    ['a connection that closes', withField('Connection: close')],
    ['a connection that names headers', withField('Connection: keep-alive, Host')],
    ['trailers', withField('Trailer: X')],
    ['a header that objects are named by', withField('__proto__: x')],
    ['TE', withField('TE: trailers')],
  ])('%s', (_what, text) => {
    expect(readRequestHead(text)).toBeUndefined();
  });

  test('and the very same head without any of that is', () => {
    expect(readRequestHead(head(...GOOD))).toMatchObject({ url: '/mcp', contentLength: 2 });
  });
});
