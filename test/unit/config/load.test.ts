import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  ConfigError,
  ConfigWatch,
  type LoadedConfig,
  loadConfig,
  publishedSchema,
} from '../../../node/config/index.ts';
import { until } from '../../support/until.ts';

let dataDir: string;
let file: string;
const source = () => ({ dataDir, env: { PORT: '9' } });
const write = (config: unknown) => writeFile(file, JSON.stringify(config));

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'village-config-'));
  file = join(dataDir, 'village.json');
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

describe('loading', () => {
  test('a folder without a configuration gives the defaults', async () => {
    const loaded = await loadConfig(source());
    expect(loaded.present).toBe(false);
    expect(loaded.origins.get('gateway')).toEqual({ value: '127.0.0.1:7117', origin: 'default' });
  });

  test('a file named with --config must be there', async () => {
    await expect(loadConfig({ ...source(), file: join(dataDir, 'other.json') })).rejects.toMatchObject({
      code: 'CONFIG_NOT_FOUND',
    });
  });

  test('a folder in place of the file is a coded error', async () => {
    await expect(loadConfig({ ...source(), file: dataDir })).rejects.toMatchObject({ code: 'CONFIG_UNREADABLE' });
  });

  test('a file of 2 MiB is refused before it is read', async () => {
    await writeFile(file, `{"gateway":"${'x'.repeat(2 * 1024 * 1024)}"}`);
    await expect(loadConfig(source())).rejects.toMatchObject({ code: 'CONFIG_TOO_LARGE' });
  });

  test('each value knows its origin', async () => {
    await write({
      gateway: '127.0.0.1:1',
      admin: '127.0.0.1:${PORT}',
      servers: { a: { command: 'x' } },
      log: { level: 'debug' },
    });
    const { origins } = await loadConfig({ ...source(), flags: { gateway: '127.0.0.1:2', listen: undefined } });
    expect(origins.get('gateway')).toEqual({ value: '127.0.0.1:2', origin: 'flag' });
    expect(origins.get('admin')).toEqual({ value: '127.0.0.1:9', origin: 'environment' });
    expect(origins.get('log.level')).toEqual({ value: 'debug', origin: 'file' });
    expect(origins.get('log.format')).toEqual({ value: 'text', origin: 'default' });
    expect(origins.get('mcpServers.a.command')).toEqual({ value: 'x', origin: 'file' });
  });

  test('what may be secret is masked among the origins', async () => {
    await write({ mcpServers: { a: { command: 'x', env: { KEY: 'hunter2' }, args: ['--key=hunter2'] } } });
    expect(JSON.stringify([...(await loadConfig(source())).origins])).not.toContain('hunter2');
  });
});

describe('watching', () => {
  type Seen = { kind: 'changed'; loaded: LoadedConfig } | { kind: 'invalid'; error: unknown };
  let watching: ConfigWatch | undefined;
  let waiting: ((seen: Seen) => void) | undefined;
  const all: Seen[] = [];
  const next = () => new Promise<Seen>((resolve) => (waiting = resolve));
  const seen = (what: Seen) => {
    all.push(what);
    waiting?.(what);
  };

  beforeEach(async () => {
    all.length = 0;
    await write({});
    watching = new ConfigWatch(source(), await loadConfig(source()), {
      onChange: (loaded) => seen({ kind: 'changed', loaded }),
      onInvalid: (error) => seen({ kind: 'invalid', error }),
      quietMs: 20,
    });
  });
  afterEach(() => watching?.close());

  test('a file that was replaced is read again', async () => {
    const change = next();
    await writeFile(`${file}.new`, JSON.stringify({ mcpServers: { a: { command: 'x' } } }));
    await rename(`${file}.new`, file);
    expect(await change).toMatchObject({
      kind: 'changed',
      loaded: { config: { mcpServers: { a: { command: 'x' } } } },
    });
  });

  test('a broken file is reported, and a good one after it is taken', async () => {
    const broken = next();
    await writeFile(file, '{"gatway": 1}');
    const report = await broken;
    expect(report).toMatchObject({ kind: 'invalid' });
    expect(report.kind === 'invalid' && report.error).toBeInstanceOf(ConfigError);
    const good = next();
    await write({ log: { level: 'debug' } });
    expect(await good).toMatchObject({ kind: 'changed', loaded: { config: { log: { level: 'debug' } } } });
  });

  test('a file that says the same is no change', async () => {
    await watching?.close();
    await write({ defaultAgent: '${NAME}' });
    let reads = 0;
    const env = {
      get NAME() {
        reads += 1;
        return 'local';
      },
    };
    const loaded = await loadConfig({ dataDir, env });
    const again = new ConfigWatch({ dataDir, env }, loaded, {
      onChange: (changed) => seen({ kind: 'changed', loaded: changed }),
      onInvalid: (error) => seen({ kind: 'invalid', error }),
      quietMs: 1,
    });
    await until(() => reads > 1, { what: 'the file to be read again' });
    await again.close();
    expect(all).toEqual([]);
  });
});

test('village.schema.json is what the loader uses', async () => {
  const published: unknown = JSON.parse(
    await readFile(new URL('../../../village.schema.json', import.meta.url), 'utf8'),
  );
  expect(published, 'run `npm run schema`').toEqual(JSON.parse(JSON.stringify(publishedSchema())));
});

test('every key of village.json says what it is for', () => {
  const silent: string[] = [];
  let looked = 0;
  const look = (schema: KeySchema, path: string): void => {
    const { properties = {}, additionalProperties: entries } = schema;
    for (const [key, of] of Object.entries(properties)) {
      looked += 1;
      const name = `${path}${key}`;
      if (of.description === undefined && of.properties === undefined) silent.push(name);
      look(of, `${name}.`);
    }
    if (typeof entries === 'object') look(entries, `${path}*.`);
  };
  look(publishedSchema(), '');
  expect(looked).toBeGreaterThan(80);
  expect(silent).toEqual([]);
});

interface KeySchema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, KeySchema>>;
  readonly additionalProperties?: boolean | KeySchema;
}
