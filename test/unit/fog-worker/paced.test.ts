import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { paced } from '../../../node/fog/runner/paced.ts';
import { until } from '../../support/until.ts';

test('a stream that brings more than its share waits for the next tenth of a second, and loses nothing', async () => {
  const source = new PassThrough({ highWaterMark: 4 * 1024 * 1024 });
  let got = 0;
  const stream = paced(source);
  stream.on('data', (chunk: Buffer) => (got += chunk.length));
  for (let chunk = 0; chunk < 16; chunk++) source.write(Buffer.alloc(64 * 1024));
  await until(() => stream.isPaused());
  expect(got).toBe(256 * 1024);
  await until(() => got === 1024 * 1024);
});
