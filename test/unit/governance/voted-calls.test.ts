import { beforeEach, describe, expect, test } from 'vitest';
import { CallJournal } from '../../../node/governance/call-journal.ts';
import { type Call, VotedCalls } from '../../../node/governance/voted-calls.ts';
import { MemoryStore } from '../../../node/storage/index.ts';
import { parseExactJson } from '../../../src/kernel/index.ts';
import type { Decision, Ledger, PolicyState } from '../../../src/governance/index.ts';
import { Reports } from '../../support/mesh-hosts.ts';
import { until } from '../../support/until.ts';

const call = (changes: Partial<Call> = {}): Call => ({
  op: 'call',
  node: 'here',
  agent: 'local@here',
  tool: 'spend',
  arguments: { amount: 5 },
  nonce: 'n',
  ...changes,
});
const decision = (id: string, changes: Partial<Call> = {}): Decision => ({
  id,
  ep: 0,
  type: 'minor_change',
  actions: [call(changes)],
});
const stateOf = (...calls: Decision[]) => ({ calls }) as unknown as PolicyState;

let store: MemoryStore;
let state: PolicyState;
beforeEach(() => {
  store = new MemoryStore();
  state = stateOf();
});

async function node(): Promise<VotedCalls> {
  return new VotedCalls({
    ledger: {
      policy: () => state,
      proposal: (id: string) => ({ createdAtMs: id === 'later' ? 2_000 : 500 }),
    } as unknown as Ledger,
    journal: await CallJournal.open(store),
    nodeId: 'here',
    reporter: new Reports(),
    wallMs: () => 0,
    changed: () => undefined,
  });
}

describe('an approved call', () => {
  test('of this node runs once, however often the state is looked at and the node starts', async () => {
    const ran: unknown[] = [];
    const run = async (asked: object) => ({ ok: true, result: ran.push(asked) });
    state = stateOf(decision('a'), decision('b', { node: 'elsewhere' }), decision('c')); // c asks what a asked

    const calls = await node();
    calls.look(state);
    expect(ran).toEqual([]);
    calls.start(run);
    calls.look(state);
    await until(() => calls.executionOf('a')?.status === 'done');
    const again = await node();
    again.start(run);
    await again.stop();
    expect(ran).toEqual([{ agent: 'local@here', tool: 'spend', arguments: { amount: 5 } }]);
    expect(again.executionOf('a')).toMatchObject({ status: 'done', at: '1970-01-01T00:00:00.000Z', result: 1 });
    expect(again.executionOf('b')).toBeUndefined();
  });

  test('that a crash interrupted is unknown, and is not tried again', async () => {
    state = stateOf(decision('a'));
    const calls = await node();
    const begun = Promise.withResolvers<void>();
    calls.start(() => {
      begun.resolve();
      return new Promise(() => undefined); // the process ends in the midst of it
    });
    await begun.promise;
    const again = await node();
    let ran = false;
    again.start(async () => ({ ok: (ran = true), result: 0 }));
    await again.stop();
    expect([ran, again.executionOf('a')?.status]).toEqual([false, 'unknown']);
  });

  test('that was proposed before the disk was put back is not begun or served again, and a later one is', async () => {
    await (await CallJournal.open(store)).distrustBefore(1_000);
    state = stateOf(decision('a'), decision('later', { nonce: 'm' }), decision('b', { node: 'peer' }));
    const ran: string[] = [];
    const calls = await node();
    calls.start(async () => ({ ok: true, result: ran.push('ran') }));
    await until(() => calls.executionOf('later')?.status === 'done' && calls.executionOf('a')?.status === 'unknown');
    expect(ran).toEqual(['ran']);
    const { arguments: args } = call();
    expect(calls.serveOnce({ peer: 'peer', agent: 'local@here', tool: 'spend', args })).toBeUndefined();
  });

  test('that fails is on record with why', async () => {
    state = stateOf(decision('a'));
    const calls = await node();
    calls.start(async () => ({ ok: false, result: { code: 'PERMISSION_DENIED' } }));
    await until(() => calls.executionOf('a')?.status === 'failed');
    expect(calls.executionOf('a')?.result).toEqual({ code: 'PERMISSION_DENIED' });
  });

  test('is known by its very arguments while it runs, and by no copy of them', async () => {
    state = stateOf(decision('a'));
    const calls = await node();
    const seen: boolean[] = [];
    calls.start(async ({ arguments: args }) => {
      seen.push(calls.isRunning(args), calls.isRunning({ ...args }), calls.isRunning(undefined));
      return { ok: true, result: null };
    });
    await until(() => calls.executionOf('a')?.status === 'done');
    expect(seen).toEqual([true, false, false]);
  });

  test('of a peer is served once, to that peer, for that agent, with those arguments', async () => {
    state = stateOf(decision('a', { node: 'peer', arguments: { amount: 5, to: 'x' } }));
    const calls = await node();
    const asked = { peer: 'peer', agent: 'local@here', tool: 'spend', args: { to: 'x', amount: 5 } };
    const others = [
      { ...asked, peer: 'other' },
      { ...asked, agent: 'x' },
      { ...asked, tool: 'x' },
      { ...asked, args: { to: 'x', amount: 6 } },
      { ...asked, args: undefined },
    ];
    expect(others.map((one) => calls.serveOnce(one))).toEqual(others.map(() => undefined));
    const [first, second] = [calls.serveOnce(asked), calls.serveOnce(asked)];
    expect(await Promise.all([first?.begin(), second?.begin()])).toEqual([true, false]);
    expect(calls.serveOnce(asked)).toBeUndefined();
  });

  test('of a peer is not one with a number that only rounds to what was approved', async () => {
    state = stateOf(decision('a', { node: 'peer', arguments: { amount: 12345678901234567000 } }));
    const args = parseExactJson('{"amount":12345678901234567890}');
    expect((await node()).serveOnce({ peer: 'peer', agent: 'local@here', tool: 'spend', args })).toBeUndefined();
  });

  test('of a peer is not served again by a node that was killed and started anew', async () => {
    state = stateOf(decision('a', { node: 'peer' }));
    const asked = { peer: 'peer', agent: 'local@here', tool: 'spend', args: {} };
    const { arguments: args } = (state.calls[0] as Decision).actions[0] as Call;
    const served = (await node()).serveOnce({ ...asked, args });
    expect(await served?.begin()).toBe(true);
    expect((await node()).serveOnce({ ...asked, args })).toBeUndefined();
  });
});
