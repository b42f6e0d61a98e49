import { afterEach, expect, test } from 'vitest';
import { BackendError } from '../../../node/backends/backend-error.ts';
import { Expiry } from '../../../node/backends/expiry.ts';
import { Supervisor } from '../../../node/backends/supervisor.ts';
import { until } from '../../support/until.ts';

const WATCHED_MS = 1_000;
const supervisors: Supervisor[] = [];
afterEach(() => Promise.all(supervisors.splice(0).map((one) => one.stop())));

/** What becomes of a server that fails so, while others are tried again several times. */
async function failing(code: ConstructorParameters<typeof BackendError>[0]) {
  const states: string[] = [];
  let starts = 0;
  const supervisor: Supervisor = new Supervisor({
    open: async () => {
      starts += 1;
      throw new BackendError(code, 'command not found: gone');
    },
    expiry: new Expiry(),
    ttlMs: 0,
    oneAgent: true,
    onChange: () => void states.push(supervisor.condition().state),
    onListing: () => undefined,
    onLog: () => undefined,
    onResourceUpdated: () => undefined,
  });
  supervisors.push(supervisor);
  const begun = performance.now();
  supervisor.start();
  await until(() => performance.now() - begun > WATCHED_MS, { timeoutMs: 2 * WATCHED_MS });
  return { starts, states };
}

test('a program that is not there is told of once and not looked for at once, as one that ended is', async () => {
  const [absent, ended] = await Promise.all([failing('BACKEND_ABSENT'), failing('BACKEND_UNREACHABLE')]);
  expect(absent).toEqual({ starts: 1, states: ['starting', 'down'] });
  expect(ended.starts).toBeGreaterThan(1);
});
