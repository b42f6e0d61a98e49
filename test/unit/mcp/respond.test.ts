import { expect, test } from 'vitest';
import { ERRORS, errorText, notificationText, resultText } from '../../../src/mcp/index.ts';

test('an error says its code, its name, and whether to try again', () => {
  expect(errorText(1, { name: 'RATE_LIMITED', message: 'slow down' }, { retryAfterMs: 12.3 })).toBe(
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32004,"message":"slow down","data":{"code":"RATE_LIMITED","message":"slow down","retryable":true,"retry_after_ms":13}}}',
  );
  expect(errorText(null, { name: 'PERMISSION_DENIED', message: 'no' })).toBe(
    '{"jsonrpc":"2.0","id":null,"error":{"code":-32003,"message":"no","data":{"code":"PERMISSION_DENIED","message":"no","retryable":false}}}',
  );
});

test('a result and a notification are the shortest JSON that says it', () => {
  expect(resultText('x', {})).toBe('{"jsonrpc":"2.0","id":"x","result":{}}');
  expect(notificationText('n')).toBe('{"jsonrpc":"2.0","method":"n"}');
  expect(notificationText('n', { a: 1 })).toBe('{"jsonrpc":"2.0","method":"n","params":{"a":1}}');
});

test('our codes stay out of the range the MCP specification keeps, but for the three it defines', () => {
  const reserved = Object.values(ERRORS)
    .map(({ code }) => code)
    .filter((code) => code <= -32020 && code >= -32099);
  expect(reserved).toEqual([-32020, -32021, -32022]);
});
