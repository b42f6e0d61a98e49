import { expect, test } from 'vitest';
import { CallGate } from '../../../node/backends/call-gate.ts';
import { Expiry } from '../../../node/backends/expiry.ts';
import type { RpcRequest } from '../../../src/mcp/index.ts';
import { contextFor } from '../../support/hosting.ts';
import { connect } from '../../support/scripted-channel.ts';
import { until } from '../../support/until.ts';

/** A gate before a server that does one call at a time, each until it is let go. */
function gated({ one = true } = {}) {
  const { connection } = connect(() => undefined);
  const gate = new CallGate({ expiry: new Expiry(), ttlMs: 0 });
  if (one) gate.oneAtATime();
  gate.open(connection);
  const begun: string[] = [];
  let release = (): void => undefined;
  const run = (agent: string, name: string) => {
    const request: RpcRequest = { jsonrpc: '2.0', id: name, method: 'tools/call', params: { name } };
    const perform = async () => {
      begun.push(name);
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return { body: Buffer.from(name), outcome: 'ok', reason: '' } as const;
    };
    return gate.run(request, contextFor({ agent }), { deadlineAt: Number.POSITIVE_INFINITY, perform });
  };
  /** Lets the call that runs end, and waits for `count` to have begun. */
  const next = async (count: number) => {
    release();
    await until(() => begun.length === count);
  };
  return { run, begun, next };
}

test('agents whose calls wait for a server take turns, each with its oldest first', async () => {
  const { run, begun, next } = gated();
  for (const name of ['a1', 'a2', 'a3', 'a4']) void run('ann', name);
  for (const name of ['b1', 'b2']) void run('ben', name);
  void run('cat', 'c1');
  for (let count = 2; count <= 7; count += 1) await next(count);
  expect(begun).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4']);
});

test('one agent takes half of the places in which calls wait, and others find the rest', async () => {
  const { run, begun, next } = gated();
  for (let n = 0; n < 129; n += 1) void run('ann', `a${n}`); // one runs, the others wait
  expect(await run('ann', 'one too many')).toMatchObject({ outcome: 'failed', notStarted: true });
  const other = run('ben', 'b');
  await next(2);
  expect(begun).toEqual(['a0', 'b']);
  await next(3);
  expect((await other).outcome).toBe('ok');
});

test('one agent takes three quarters of the places in which calls run, and others run at once', async () => {
  const { run, begun } = gated({ one: false });
  for (let n = 0; n < 64; n += 1) void run('ann', `a${n}`);
  await until(() => begun.length > 0);
  expect(begun).toHaveLength(48);
  for (let n = 0; n < 17; n += 1) void run('ben', `b${n}`);
  expect(begun.slice(48)).toEqual(Array.from({ length: 16 }, (_, n) => `b${n}`));
});
