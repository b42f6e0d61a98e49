import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FastLane, type LaneDesk } from '../../node/gateway/fast-lane/index.ts';
import { RawClient } from '../support/raw-http.ts';

/** What a request was, to whoever answered it. */
interface Seen {
  readonly url: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}
interface Side {
  readonly server: Server;
  readonly seen: Seen[];
  readonly sockets: Set<Socket>;
  /** How many of them the fast lane answered. */
  plain: number;
}

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 400);
/** Silence after which nothing more is expected. */
const QUIET_MS = 15;

/** Both servers answer everything at once with `{}` and write down what they saw. */
async function side(fast: boolean): Promise<Side> {
  const seen: Seen[] = [];
  const server = createServer({ joinDuplicateHeaders: true, keepAliveTimeout: 5_000 }, (req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      seen.push({ url: req.url ?? '', headers: { ...req.headers }, body: Buffer.concat(chunks).toString('latin1') });
      res.writeHead(200, ['Content-Length', '2']);
      res.end('{}');
    });
  });
  const made: Side = { server, seen, sockets: new Set(), plain: 0 };
  server.on('connection', (socket: Socket) => made.sockets.add(socket));
  if (fast) {
    const desk: LaneDesk<Pick<Seen, 'url' | 'headers'>> = {
      admit: ({ url, headers }) => ({ url, headers }),
      serve: ({ url, headers }, { body, response }) => {
        made.plain += 1;
        seen.push({ url, headers: { ...headers }, body: body.bytes.toString('latin1', body.from, body.to) });
        response.writeHead(200, ['Content-Length', '2']);
        response.end('{}');
        return true;
      },
    };
    new FastLane(server, desk, { keepAliveTimeoutMs: 5_000, lookAfterMs: 5, toHttp: () => {} }).start();
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return made;
}

let plain: Side;
let fast: Side;
beforeAll(async () => {
  plain = await side(false);
  fast = await side(true);
});
afterAll(() => {
  for (const { server, sockets } of [plain, fast]) {
    server.close();
    for (const socket of sockets) socket.destroy();
  }
});

/** What a server saw and answered of these pieces, until it fell silent or hung up. */
async function tell(
  to: Side,
  pieces: readonly Buffer[],
): Promise<{ seen: readonly Seen[]; statuses: readonly number[] }> {
  to.seen.length = 0;
  using client = await RawClient.to((to.server.address() as AddressInfo).port);
  for (const piece of pieces) {
    client.send(piece);
    for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
  await silence(client, QUIET_MS);
  return { seen: [...to.seen], statuses: client.statuses };
}

/** Resolves when nothing came for `quietMs`, or it was closed. */
function silence(client: RawClient, quietMs: number): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      clearTimeout(timer);
      client.socket.off('data', again).off('close', over);
      resolve();
    };
    let timer = setTimeout(over, quietMs);
    const again = (): void => {
      clearTimeout(timer);
      timer = setTimeout(over, quietMs);
    };
    client.socket.on('data', again).on('close', over);
    if (client.closed) over();
  });
}

const field = fc.constantFrom(
  ...[
    'Accept: */*',
    'X-A: b',
    'X-A:b',
    'X-A:  b',
    'X-A: b ',
    'X-A:',
    'X A: b',
    'X-A : b',
    ' folded',
    '\tfolded',
    'X-A: \xe9',
  ],
  ...[
    'Host: other',
    'Content-Length: 2',
    'Content-Length: 0',
    'Content-Length: 2, 2',
    'content-length: 02',
    'Content-Length: +2',
  ],
  ...[
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: identity',
    'transfer-encoding : chunked',
    'Transfer_Encoding: chunked',
  ],
  ...['Expect: 100-continue', 'Connection: close', 'Connection: keep-alive', 'Upgrade: x', 'TE: trailers'],
  ...[
    'Authorization: Bearer a',
    'Authorization: Bearer b',
    '__proto__: x',
    'X: \0',
    'X: a\rb',
    'X: a\nb',
    'No-Colon',
    ': empty',
  ],
);
const body = fc.oneof(
  fc.constantFrom(
    '{}',
    '',
    '{"a":1}',
    '5\r\nhello\r\n0\r\n\r\n',
    '0\r\n\r\n',
    'POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
    '\r\n\r\n',
  ),
  fc.string({ maxLength: 30 }),
);
const LINES = ['POST /mcp HTTP/1.1', 'POST /mcp/echo HTTP/1.1', 'POST /mcp?mode=list HTTP/1.1'];
const ODD_LINES = [
  ...['GET /mcp HTTP/1.1', 'POST /mcp HTTP/1.0', 'POST  /mcp HTTP/1.1', 'POST /mcp HTTP/1.1 ', 'POST /mcp\tHTTP/1.1'],
  ...['POST http://x/mcp HTTP/1.1', 'POST /mcp\0 HTTP/1.1', 'POST /mcp', 'POST /mcp HTTP/2.0', 'POST /mcp#x HTTP/1.1'],
  ...['post /mcp HTTP/1.1', 'POST /mcp\xe9 HTTP/1.1'],
];
const rarely = <T>(usual: T, odd: fc.Arbitrary<T>, weight = 8): fc.Arbitrary<T> =>
  fc.oneof({ weight, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: odd });
const fault = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  put: fc.constantFrom('\r', '\n', '\r\n', ' ', '\t', ':', '\0', '\x7f', '\xff', 'A', '0', ','),
  over: fc.integer({ min: 0, max: 2 }),
});
/** A request as two pieces of text, the second of which begins where the length that it tells ends. */
const request = fc
  .record({
    line: fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom(...LINES) },
      { weight: 1, arbitrary: fc.constantFrom(...ODD_LINES) },
    ),
    extra: rarely<readonly string[]>([], fc.array(field, { minLength: 1, maxLength: 3 }), 3),
    body,
    /** Where the length that is told differs from the body's. */
    off: rarely(0, fc.integer({ min: -3, max: 3 })),
    spelled: rarely('N', fc.constantFrom('+N', '0N', 'N, N', '0xN', 'N ', 'Ne0', 'N.0', '-N')),
    end: rarely('\r\n', fc.constantFrom('\n', '\r', '\r\r\n', ''), 12),
    /** Bytes put in or over others. */
    faults: rarely<readonly { at: number; put: string; over: number }[]>(
      [],
      fc.array(fault, { minLength: 1, maxLength: 2 }),
      6,
    ),
  })
  .map(({ line, extra, body: text, off, spelled, end, faults }): readonly [string, string] => {
    const length = Math.max(0, text.length + off);
    const lines = [line, 'Host: x', `Content-Length: ${spelled.replaceAll('N', String(length))}`, ...extra];
    let whole = `${lines.join(end)}${end}${end}${text.slice(0, length)}`;
    for (const { at, put, over } of faults) {
      const from = Math.floor(at * whole.length);
      whole = whole.slice(0, from) + put + whole.slice(from + over);
    }
    return [whole, text.slice(length)];
  });
const stream = fc.record({
  requests: fc.array(request, { minLength: 1, maxLength: 5 }),
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }),
});

/** The same bytes for both: in whatever pieces for the fast lane, and one request at a time for node:http. */
function piecesOf({ requests, cuts }: { requests: readonly (readonly [string, string])[]; cuts: readonly number[] }): {
  any: Buffer[];
  apart: Buffer[];
} {
  const texts = requests.flat().filter((text) => text !== '');
  const bytes = Buffer.from(texts.join(''), 'latin1');
  const at = [0, ...cuts.map((share) => Math.floor(share * bytes.length)).sort((a, b) => a - b), bytes.length];
  const any = at.slice(1).map((end, n) => bytes.subarray(at[n], end));
  return { any, apart: texts.map((text) => Buffer.from(text, 'latin1')) };
}

/**
 * node:http leaves a request unanswered when bytes that are wrong come in one piece with it; the fast lane answers it first, as node:http
 * does where they come one by one.
 */
test('whatever bytes come, in whatever pieces, the fast lane sees the requests that node:http sees', async () => {
  let answered = 0;
  let handedOver = 0;
  await fc.assert(
    fc.asyncProperty(stream, async (made) => {
      const { any, apart } = piecesOf(made);
      fast.plain = 0;
      const [before, after] = await Promise.all([tell(plain, apart), tell(fast, any)]);
      answered += fast.plain;
      handedOver += after.statuses.length - fast.plain;
      expect(after.seen).toEqual(before.seen);
      expect(after.statuses.slice(0, fast.plain)).toEqual(Array.from({ length: fast.plain }, () => 200));
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
  expect(answered, 'some requests were plain').toBeGreaterThan(RUNS / 4);
  expect(handedOver, 'some requests were not').toBeGreaterThan(RUNS / 10);
});
