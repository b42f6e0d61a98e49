import { afterEach, expect, test, vi } from 'vitest';
import { jsonHead } from '../../../node/gateway/fast-lane/response-head.ts';

const OPEN = 'Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n';

afterEach(() => {
  vi.useRealTimers();
});

function at(time: string): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(time) });
}

test('the head of a JSON reply says its length, the time, and what becomes of the connection', () => {
  at('2026-07-28T10:00:00.400Z');
  const { text, bytes } = jsonHead(17, OPEN);
  expect(text).toBe(
    'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\nDate: Tue, 28 Jul 2026 10:00:00 GMT\r\n' +
      'Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n',
  );
  expect(Buffer.from(bytes).toString('latin1')).toBe(text);
});

test('a head is made once for replies of one length in one second', () => {
  at('2026-07-28T10:00:00Z');
  expect(jsonHead(17, OPEN).bytes).toBe(jsonHead(17, OPEN).bytes);
});

test.each([
  ['another length', 17 + 256, OPEN, '2026-07-28T10:00:00Z', 'Content-Length: 273'],
  ['another connection', 17, 'Connection: close\r\n', '2026-07-28T10:00:00Z', 'Connection: close'],
  ['the next second', 17, OPEN, '2026-07-28T10:00:01Z', 'Date: Tue, 28 Jul 2026 10:00:01 GMT'],
])('the head of %s is another one', (_what, length, connection, time, line) => {
  at('2026-07-28T10:00:00Z');
  const before = jsonHead(17, OPEN).text;
  at(time);
  const after = jsonHead(length, connection);
  expect(before).not.toContain(line);
  expect(after.text).toContain(line);
  expect(Buffer.from(after.bytes).toString('latin1')).toBe(after.text);
});
