import { describe, expect, test } from 'vitest';
import {
  createEventBus,
  type EventBus,
  type LogLevel,
  type LogOptions,
  redacted,
  writeLog,
} from '../../../node/telemetry/index.ts';
import { VillageError } from '../../../src/kernel/index.ts';

function logged(
  level: LogLevel,
  format: 'text' | 'json',
  tell: (bus: EventBus) => void,
  areas?: LogOptions['areas'],
): string[] {
  const bus = createEventBus();
  const lines: string[] = [];
  const end = writeLog(bus, { level, areas, format, write: (line) => lines.push(line), now: () => 0 });
  tell(bus);
  end();
  bus.report('node.stopping', { reason: 'unheard' });
  return lines;
}
/** What the log wrote of `count` refusals, each of a peer that `peerOf` names, and of one thing more a minute later. */
function flooded(count: number, peerOf: (index: number) => string, level: LogLevel = 'info'): string[] {
  const bus = createEventBus();
  const lines: string[] = [];
  let nowMs = 0;
  const write = (line: string) => void lines.push(line);
  const end = writeLog(bus, { level, format: 'text', write, now: () => 0, elapsed: () => nowMs });
  for (let index = 0; index < count; index += 1) bus.report('peer.refused', { peer: peerOf(index), reason: 'expired' });
  nowMs = 60_000;
  bus.report('node.stopping', { reason: 'x' });
  end();
  return lines;
}

const call = {
  kind: 'call',
  method: 'tools/call',
  server: 's',
  target: 't',
  outcome: 'ok',
  reason: '',
  durationMs: 1.5,
} as const;

describe('the log', () => {
  test('is one line an event, frozen in both formats', () => {
    const tell = (bus: EventBus): void => bus.report('peer.admitted', { peer: '12D3KooWa', direction: 'inbound' });
    expect(logged('info', 'text', tell)).toEqual([
      '1970-01-01T00:00:00.000Z info  peer.admitted peer=12D3KooWa direction=inbound',
    ]);
    expect(logged('info', 'json', tell)).toEqual([
      '{"at":"1970-01-01T00:00:00.000Z","level":"info","area":"mesh","event":"peer.admitted","peer":"12D3KooWa","direction":"inbound"}',
    ]);
  });

  test('leaves out what one peer brings about faster than it is read, and says how much', () => {
    const lines = flooded(10_000, () => 'B');
    expect(lines.filter((line) => line.includes('peer.refused peer=B'))).toHaveLength(480);
    expect(lines.slice(480)).toEqual([
      '1970-01-01T00:00:00.000Z warn  peer.refused left_out=1',
      '1970-01-01T00:00:00.000Z warn  peer.refused left_out=9519',
      '1970-01-01T00:00:00.000Z info  node.stopping reason=x',
    ]);
  });

  test('leaves out what ever new peers bring about, and no line about another event', () => {
    const lines = flooded(10_000, (index) => `p${index}`);
    expect(lines.filter((line) => line.includes(' reason=expired'))).toHaveLength(2_400);
    expect(lines.at(-1)).toContain('node.stopping');
  });

  test('leaves nothing out where everything is to be seen', () => {
    expect(flooded(10_000, () => 'B', 'debug')).toHaveLength(10_001);
  });

  test('keeps to its level', () => {
    const tell = (bus: EventBus): void => {
      bus.report('call.done', call);
      bus.report('peer.gone', { peer: 'p' });
      bus.report('peer.refused', { peer: 'p', reason: 'expired' });
      bus.report('config.invalid', { problem: 'x' });
    };
    const events = (level: LogLevel): unknown[] => logged(level, 'json', tell).map((line) => JSON.parse(line).event);
    expect(events('error')).toEqual(['config.invalid']);
    expect(events('warn')).toEqual(['peer.refused', 'config.invalid']);
    expect(events('info')).toEqual(['peer.gone', 'peer.refused', 'config.invalid']);
    expect(events('debug')).toEqual(['call.done', 'peer.gone', 'peer.refused', 'config.invalid']);
  });

  test('keeps to the level of an area, where that has one', () => {
    const tell = (bus: EventBus): void => {
      bus.report('call.done', call);
      bus.report('peer.gone', { peer: 'p' });
      bus.report('server.output', { server: 's', line: 'x' });
      bus.report('directory.redefined', { peer: 'p', server: 's', tools: ['chosen by the remote'] });
      bus.report('config.invalid', { problem: 'x' });
    };
    const events = logged('info', 'json', tell, { router: 'debug', mesh: 'warn', node: 'error' }).map((line) => {
      const { area, event } = JSON.parse(line) as Record<string, string>;
      return `${area} ${event}`;
    });
    expect(events).toEqual(['router call.done', 'directory directory.redefined', 'node config.invalid']);
    const [quiet] = logged('debug', 'json', (bus) => tell(bus), {
      router: 'error',
      mesh: 'error',
      servers: 'error',
      directory: 'warn',
    });
    expect(quiet).not.toContain('chosen by the remote');
  });

  test('says in which trace a call was, also where this node makes no spans', () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const traceparent = `00-${traceId}-b7ad6b7169203331-00`;
    const span = {
      ...{ traceId, spanId: '00f067aa0ba902b7', parentSpanId: 'b7ad6b7169203331', parentIsRemote: true },
      ...{ startedAt: 1, agent: 'ann', callId: '00', name: 't', errorCode: undefined },
    };
    const lines = logged('debug', 'json', (bus) => {
      bus.report('call.done', { ...call, traceparent });
      bus.report('call.done', { ...call, traceparent, span });
      bus.report('call.done', call);
    }).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines[0]).toMatchObject({ trace_id: traceId, span_id: 'b7ad6b7169203331' });
    expect(lines[1]).toMatchObject({ trace_id: traceId, span_id: '00f067aa0ba902b7' });
    expect(lines[2]).not.toHaveProperty('trace_id');
    expect(Object.keys(lines[1] ?? {})).not.toEqual(expect.arrayContaining(['span']));
  });

  test('shows at debug only what a remote may have chosen', () => {
    const tell = (bus: EventBus): void =>
      bus.report('directory.redefined', { peer: 'p', server: 's', tools: ['chosen by the remote'] });
    expect(logged('info', 'text', tell)).toEqual([
      '1970-01-01T00:00:00.000Z warn  directory.redefined peer=p server=s',
    ]);
    expect(logged('debug', 'text', tell)[0]).toContain('chosen by the remote');
  });

  test('cannot be given a forged line', () => {
    const evil = 'x\n1970-01-01T00:00:00.000Z error all is lost\u202e\u001b[2J';
    const [line, ...more] = logged('debug', 'text', (bus) => bus.report('server.output', { server: 's', line: evil }));
    expect(more).toEqual([]);
    expect(line).toBe(
      '1970-01-01T00:00:00.000Z debug server.output server=s line="x\\n1970-01-01T00:00:00.000Z error all is lost\\u202e\\u001b[2J"',
    );
  });

  test('does not repeat the words of errors that are not ours above debug', () => {
    const tell = (bus: EventBus): void =>
      bus.report('background.failed', { area: 'gateway', error: new TypeError('a remote said this') });
    const [line = ''] = logged('info', 'text', tell);
    expect(line).toContain('area=gateway error=TypeError');
    expect(line).toMatch(/at=\S*telemetry\/log\.test\.ts:\d+/);
    expect(line).not.toContain('a remote said this');
    expect(logged('debug', 'text', tell)[0]).toContain('a remote said this');
  });

  test('repeats the words, code and hint of our own errors', () => {
    const error = new VillageError('DATA_IN_USE', 'another process uses it', { hint: 'stop that one' });
    expect(
      logged('error', 'json', (bus) => bus.report('background.failed', { area: 'store', error })).map((line) =>
        JSON.parse(line),
      ),
    ).toEqual([
      {
        at: '1970-01-01T00:00:00.000Z',
        level: 'error',
        event: 'background.failed',
        area: 'store',
        error: 'VillageError',
        code: 'DATA_IN_USE',
        message: 'another process uses it',
        hint: 'stop that one',
      },
    ]);
  });

  test.each([
    ['a token', 'got eyJhbGciOiJFZERTQSJ9.eyJhIjoxfQ.c2lnbmF0dXJl here', 'got [secret] here'],
    [
      'a private key',
      '{"kty":"OKP","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}',
      '{"kty":"OKP","d":"[secret]"}',
    ],
    ['a bearer header', 'Authorization: Bearer abc123', 'Authorization: Bearer [secret]'],
    [
      'a PEM key',
      '-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----',
      '-----BEGIN PRIVATE KEY-----[secret]-----END PRIVATE KEY-----',
    ],
    ['nothing', 'an ordinary line', 'an ordinary line'],
  ])('blots out %s', (_, text, expected) => {
    expect(redacted(text)).toBe(expected);
    const [line = ''] = logged('debug', 'json', (bus) => bus.report('server.output', { server: 's', line: text }));
    expect(JSON.parse(line).line).toBe(expected);
  });
});
