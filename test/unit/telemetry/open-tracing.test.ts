import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Config } from '../../../node/config/index.ts';
import { openTracing } from '../../../node/open-tracing.ts';
import { createEventBus } from '../../../node/telemetry/index.ts';
import { VillageError } from '../../../src/kernel/index.ts';

let dataDir: string;
beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'village-headers-'));
});
afterAll(() => rmSync(dataDir, { recursive: true }));

function open(content: string | undefined, mode = 0o600): ReturnType<typeof openTracing> {
  const headersFile = `headers-${Math.random()}.json`;
  if (content !== undefined) writeFileSync(join(dataDir, headersFile), content, { mode });
  const telemetry = { otlp: { endpoint: 'http://127.0.0.1:4318', headersFile } };
  const about = { dataDir, bus: createEventBus(), nodeId: 'n', version: '1' };
  return openTracing(Config.parse({ telemetry }), about);
}
function refusal(content: string | undefined, mode?: number): VillageError<string> {
  try {
    open(content, mode);
  } catch (error) {
    if (error instanceof VillageError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

describe('the headers for a collector', () => {
  test.each([
    ['no file', undefined, 'CONFIG_NOT_FOUND'],
    ['no JSON', 'authorization: Bearer hush', 'CONFIG_INVALID'],
    ['no object', '["hush"]', 'CONFIG_INVALID'],
    ['a value that is no text', '{"authorization": {"hush": 1}}', 'CONFIG_INVALID'],
    ['a line feed in a value', '{"authorization": "hush\\r\\nx: 1"}', 'CONFIG_INVALID'],
    ['a name that is none', '{"a b": "hush"}', 'CONFIG_INVALID'],
  ])('are refused at the start with %s, and none of them is told', (_what, content, code) => {
    const error = refusal(content);
    expect(error.code).toBe(code);
    expect(`${error.message} ${error.hint ?? ''}`).not.toContain('hush');
  });

  test.skipIf(process.platform === 'win32')('are refused from a file that others may read', () => {
    expect(refusal('{}', 0o644).code).toBe('KEY_EXPOSED');
  });

  test('are taken from a file of their owner’s alone', async () => {
    const tracing = open('{"authorization": "Bearer hush"}');
    expect(tracing?.figures()).toMatchObject({ exported: 0, queued: 0, failing: undefined });
    await tracing?.stop();
  });
});

test('without a collector nothing is opened', () => {
  const about = { dataDir, bus: createEventBus(), nodeId: 'n', version: '1' };
  expect(openTracing(Config.parse({}), about)).toBeUndefined();
});
