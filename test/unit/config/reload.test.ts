import { expect, test } from 'vitest';
import { Config, reloadOf } from '../../../node/config/index.ts';

const config = (changes: object) => Config.parse(changes);

test('what a node gives to the village follows the file, what was measured at its start does not', () => {
  const after = config({ fog: { labels: { room: 'attic' }, offer: false, capacity: { cpu_cores: 1 } } });
  expect(reloadOf(config({}), after)).toEqual({
    applied: ['fog.offer', 'fog.labels'],
    wantsRestart: ['fog.capacity'],
  });
});

test('a configuration that says the same asks for nothing', () => {
  expect(reloadOf(config({}), config({ limits: { maxBodyBytes: 4_194_304 } }))).toEqual({
    applied: [],
    wantsRestart: [],
  });
});

test('what a running node follows is told apart from what it used up at its start', () => {
  const after = config({
    mcpServers: { files: { command: 'x' } },
    limits: { maxBodyBytes: 100 },
    log: { level: 'debug', areas: { fog: 'debug' } },
    telemetry: { otlp: { endpoint: 'http://127.0.0.1:4318' } },
    gateway: '127.0.0.1:1',
    listen: ['/ip4/127.0.0.1/tcp/9'],
    allowedHosts: ['a.example'],
    discovery: { exchange: false },
  });
  expect(reloadOf(config({}), after)).toEqual({
    applied: ['mcpServers', 'log.level', 'log.areas', 'limits.maxBodyBytes'],
    wantsRestart: ['gateway', 'listen', 'allowedHosts', 'discovery.exchange', 'telemetry'],
  });
});

test('a key that went away again counts as one that came', () => {
  const before = config({ allowedOrigins: ['https://a.example'], $schema: 'x' });
  expect(reloadOf(before, config({}))).toEqual({ applied: ['$schema'], wantsRestart: ['allowedOrigins'] });
});

test('every key that the schema knows is one or the other', () => {
  const all = config({});
  for (const key of Object.keys(Config.shape)) {
    const { applied, wantsRestart } = reloadOf(all, { ...all, [key]: { mode: 'changed' } } as unknown as Config);
    expect(applied.length + wantsRestart.length, key).toBeGreaterThan(0);
  }
});
