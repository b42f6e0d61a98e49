import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { agentNamed, type NetworkNode, NotingServer, RouterNetwork } from '../../support/router-network.ts';

const RELATED = 'io.modelcontextprotocol/related-task';
const ann = agentNamed('ann');
const bob = agentNamed('bob');

let network: RouterNetwork;
let one: NotingServer;
let two: NotingServer;
let host: NetworkNode;
let guest: NetworkNode;

beforeEach(() => {
  network = new RouterNetwork();
  // Both count from 1, knowing nothing of each other.
  one = new NotingServer('one', { taskIds: () => '1' });
  two = new NotingServer('two');
  host = network.add('node-a', [one, two]);
  guest = network.add('node-b', [new NotingServer('three', { taskIds: () => '1' })]);
});
afterEach(() => network.stop());

async function begin(node: NetworkNode, alias: string, agent = ann): Promise<string> {
  const { result } = await node.ask('tools/call', { name: `${alias}__work`, task: { ttl: 1_000 } }, agent);
  return result.task.taskId as string;
}

describe.each(['on the node that runs it', 'a hop away'])('a task %s', (where) => {
  const node = () => (where === 'a hop away' ? guest : host);

  test('goes to its server under the id that the server gave, whatever else it is called here', async () => {
    await begin(node(), where === 'a hop away' ? 'three' : 'two');
    const id = await begin(node(), 'one');
    expect(id).toBe(where === 'a hop away' ? '1~2' : '1');
    expect((await node().ask('tasks/get', { taskId: id }, ann)).result).toMatchObject({
      taskId: id,
      status: 'working',
    });
    const done = await node().ask('tasks/result', { taskId: id }, ann);
    expect(done.result.content[0].text).toBe('one: done');
    if (where === 'a hop away') expect(done.result._meta).toEqual({ [RELATED]: { taskId: id } });
    const cancelled = await node().ask('tasks/cancel', { taskId: id }, ann);
    expect(cancelled.result).toMatchObject({ taskId: id, status: 'cancelled' });
    expect(one.asked.slice(1).map(({ request }) => [request.method, request.params?.['taskId']])).toEqual([
      ['tasks/get', '1'],
      ['tasks/result', '1'],
      ['tasks/cancel', '1'],
    ]);
  });

  test('is listed with what its server says now, and not asked for again once it has ended', async () => {
    const id = await begin(node(), 'one');
    const running = await node().ask('tasks/list', {}, ann);
    expect(running.result).toEqual({ tasks: [{ taskId: id, status: 'working', ttl: null }] });
    await node().ask('tasks/cancel', { taskId: id }, ann);
    const asked = one.asked.length;
    const ended = await node().ask('tasks/list', {}, ann);
    expect(ended.result).toEqual({ tasks: [{ taskId: id, status: 'cancelled', ttl: null }] });
    expect(one.asked.length).toBe(asked);
  });

  test.each(['tasks/get', 'tasks/result', 'tasks/cancel'])(
    'answers %s of another agent as if it never was',
    async (method) => {
      const id = await begin(node(), 'one');
      const asked = one.asked.length;
      const others = (await node().ask(method, { taskId: id }, bob)).error;
      const nobodys = (await node().ask(method, { taskId: 'never' }, bob)).error;
      expect(others).toEqual(nobodys);
      expect(others).toMatchObject({ code: -32602 });
      expect((await node().ask('tasks/list', {}, bob)).result).toEqual({ tasks: [] });
      expect((await node().ask(method, {}, ann)).error).toMatchObject({ code: -32602 });
      expect(one.asked.length).toBe(asked);
    },
  );

  test('is for who may use its tool: neither the level nor the token may have become less', async () => {
    const id = await begin(node(), 'one');
    const lowered = agentNamed('ann', 'bb', 'OPERATOR');
    expect((await node().ask('tasks/result', { taskId: id }, lowered)).error).toMatchObject({ code: -32003 });
    const narrowed = { ...ann, permissions: ['work', 'two__*'] };
    expect((await node().ask('tasks/result', { taskId: id }, narrowed)).error).toMatchObject({ code: -32003 });
    expect(
      (await node().ask('tasks/result', { taskId: id }, { ...ann, permissions: ['one__work'] })).result,
    ).toBeDefined();
  });
});

test('a node asked by another for a task says no to every agent but the one that began it', async () => {
  await begin(guest, 'one', ann);
  const ask = (agent: typeof ann) =>
    guest.links.call('node-a', {
      server: 'one',
      request: { jsonrpc: '2.0', id: 1, method: 'tasks/result', params: { taskId: '1' } },
      context: {
        principal: agent,
        era: 'session',
        callId: crypto.getRandomValues(new Uint8Array(16)),
        deadlineAt: performance.now() + 5_000,
        signal: new AbortController().signal,
      },
    });
  expect(await ask(ann)).toMatchObject({ kind: 'result', outcome: 'ok' });
  expect(await ask(bob)).toMatchObject({ kind: 'result', outcome: 'failed', reason: 'INVALID_PARAMS' });
  host.levels.set('ann', 'OPERATOR');
  expect(await ask(agentNamed('ann', 'cc'))).toMatchObject({ kind: 'result', outcome: 'denied' });
});

test('tasks are listed in pages of 32, and a cursor nobody gave is refused', async () => {
  for (let i = 0; i < 40; i++) await begin(host, 'two');
  const first = (await host.ask('tasks/list', {}, ann)).result;
  const second = (await host.ask('tasks/list', { cursor: first.nextCursor }, ann)).result;
  expect([first.tasks.length, second.tasks.length, second.nextCursor]).toEqual([32, 8, undefined]);
  expect(new Set([...first.tasks, ...second.tasks].map(({ taskId }) => taskId)).size).toBe(40);
  for (const cursor of ['x', '-1', 7]) {
    expect((await host.ask('tasks/list', { cursor }, ann)).error).toMatchObject({ code: -32602 });
  }
});

test('a task whose server is gone is not there now, rather than unknown', async () => {
  const id = await begin(host, 'one');
  host.host('one', undefined);
  network.changed();
  expect((await host.ask('tasks/get', { taskId: id }, ann)).error).toMatchObject({ code: -32006 });
});
