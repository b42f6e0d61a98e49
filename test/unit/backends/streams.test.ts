import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventStreamReader } from '../../../node/backends/event-stream.ts';
import { idAtEdge, LineSplitter } from '../../../node/backends/lines.ts';
import { OutputLog } from '../../../node/backends/output-log.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8');

/** `whole` in pieces of the lengths given, over and over. */
function* pieces(whole: Uint8Array, lengths: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, turn = 0; at < whole.length; turn++) {
    const length = lengths[turn % lengths.length] ?? 1;
    yield whole.subarray(at, at + length);
    at += length;
  }
}

function split(text: string, options: { maxBytes?: number; lengths?: readonly number[] } = {}) {
  const lines: string[] = [];
  const overlong: { head: string; tail: string }[] = [];
  const splitter = new LineSplitter(
    {
      line: (line) => lines.push(Buffer.from(line).toString('utf8')),
      overlong: (edges) =>
        overlong.push({
          head: Buffer.from(edges.head).toString('utf8'),
          tail: Buffer.from(edges.tail).toString('utf8'),
        }),
    },
    { maxBytes: options.maxBytes ?? 1_000 },
  );
  for (const piece of pieces(bytes(text), options.lengths ?? [text.length])) splitter.push(piece);
  return { lines, overlong, splitter };
}

describe('lines', () => {
  test('come out the same however the bytes are cut, characters of several bytes included', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }), (lengths) => {
        expect(split('a\n\nzwölf\n€🙂\nrest', { lengths }).lines).toEqual(['a', 'zwölf', '€🙂']);
      }),
    );
  });

  test('over the limit are dropped but for their edges, and the next line is whole', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1 }), (lengths) => {
        const { lines, overlong } = split(`ok\n{"begin${'x'.repeat(500)}end"}\nnext\n`, { maxBytes: 200, lengths });
        expect(lines).toEqual(['ok', 'next']);
        expect(overlong).toEqual([{ head: `{"begin${'x'.repeat(57)}`, tail: `${'x'.repeat(59)}end"}` }]);
      }),
    );
  });

  test('without an end are given out at the end', () => {
    const { lines, splitter } = split('a\nlast words');
    splitter.end();
    splitter.end();
    expect(lines).toEqual(['a', 'last words']);
  });

  test('of 8 MiB in small pieces take time linear to the bytes', () => {
    const { lines } = split(`${'x'.repeat(8 * 1024 * 1024)}\n`, { maxBytes: 9 * 1024 * 1024, lengths: [4096] });
    expect(lines[0]).toHaveLength(8 * 1024 * 1024);
  });
});

describe('the id of an answer too large to read', () => {
  const edges = (head: string, tail: string) => ({ head: bytes(head), tail: bytes(tail) });
  test.each([
    ['{"result":{"content":[{"type":"te', 'xxx"}]},"jsonrpc":"2.0","id":17}', 17],
    ['{"jsonrpc":"2.0","id":18,"result":{"conte', 'xxxx"}]}}', 18],
    ['{"jsonrpc":"2.0","result":{"conte', '"}]},"id":19}\r', 19],
    ['{"jsonrpc":"2.0","id":20,"method":"sampling/createMess', 'xxxx"}]}}', undefined],
    ['{"method":"sampling/createMessage","params', '},"jsonrpc":"2.0","id":21}', undefined],
    ['{"result":{"text":"', '\\",\\"id\\":22}"}}', undefined],
    ['{"result":{"text":"', ',"id":23}}', undefined],
    ['garbage', 'garbage', undefined],
    ['', '', undefined],
  ])('%s … %s', (head, tail, id) => {
    expect(idAtEdge(edges(head, tail))).toBe(id);
  });
});

describe('an event stream', () => {
  function read(text: string, lengths: readonly number[], maxBytes = 10_000) {
    const events: string[] = [];
    const reader = new EventStreamReader((event) => events.push(`${event.event}|${event.data}|${event.id ?? ''}`), {
      maxBytes,
    });
    const fine = [...pieces(bytes(text), lengths)].map((piece) => reader.push(piece));
    return { events, fine };
  }

  test.each(['\n', '\r\n', '\r'])('is read with line ends %j however it is cut', (end) => {
    const lines = [
      ': hello',
      '',
      'data: one',
      '',
      'event: message',
      'id: 7',
      'data:{"a":"ö€"}',
      'data: second line',
      'junk',
      '',
      'data',
      '',
      'data: unfinished',
    ];
    const text = lines.join(end);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (lengths) => {
        expect(read(text, lengths).events).toEqual(['message|one|', 'message|{"a":"ö€"}\nsecond line|7', 'message||7']);
      }),
    );
  });

  test('is refused once one event exceeds the limit, and not for the length of the whole', () => {
    expect(read(`data: ${'x'.repeat(300)}`, [50], 200).fine.at(-1)).toBe(false);
    expect(read('data: xxxxxxxxxx\n\n'.repeat(100), [50], 200).fine).not.toContain(false);
    expect(read(': keep alive\n\n'.repeat(100), [50], 200).fine).not.toContain(false);
  });
});

describe('the output of a child', () => {
  test('is kept to the last 64 KiB and told fifty lines a second at most', () => {
    const told: string[] = [];
    const log = new OutputLog((line) => told.push(line));
    for (let index = 0; index < 5_000; index++) log.push(bytes(`line ${index} ${'y'.repeat(100)}\n`));
    expect(log.lines().join('').length).toBeLessThanOrEqual(64 * 1024);
    expect(log.last()).toMatch(/^line 4999 /);
    expect(told.length).toBeLessThanOrEqual(200);
    expect(told.length).toBeGreaterThan(0);
  });

  test('without line ends does not grow without end', () => {
    const log = new OutputLog(() => undefined);
    for (let index = 0; index < 100; index++) log.push(bytes('z'.repeat(10_000)));
    log.end();
    expect(log.last()?.length).toBeLessThanOrEqual(2_000);
  });
});
