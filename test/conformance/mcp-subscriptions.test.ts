import { afterEach, beforeEach, expect } from 'vitest';
import { agentNamed, type NetworkNode, NotingServer, RouterNetwork } from '../support/router-network.ts';
import { until } from '../support/until.ts';
import { verifies } from '../support/verifies.ts';

const URI = 'test://notes/a';

let network: RouterNetwork;
let notes: NotingServer;
let host: NetworkNode;
let guest: NetworkNode;

beforeEach(() => {
  network = new RouterNetwork();
  notes = new NotingServer('notes');
  host = network.add('node-a', [notes]);
  guest = network.add('node-b');
});
afterEach(() => network.stop());

/** What the guest's node hears of, however much or little of it was asked for. */
function notices(): { topic: string; body: unknown }[] {
  const heard: { topic: string; body: unknown }[] = [];
  guest.links.onNotice((_from, topic, body) => {
    heard.push({ topic, body: JSON.parse(Buffer.from(body).toString('utf8')) as unknown });
  });
  return heard;
}

async function ask(method: string, params: Record<string, unknown>, agent = 'ann') {
  const end = await guest.links.call('node-a', {
    server: 'notes',
    request: { jsonrpc: '2.0', id: 1, method, params },
    context: {
      principal: agentNamed(agent),
      era: 'session',
      callId: crypto.getRandomValues(new Uint8Array(16)),
      deadlineAt: performance.now() + 5_000,
      signal: new AbortController().signal,
    },
  });
  return end.kind === 'result' ? { outcome: end.outcome, reason: end.reason } : end;
}

verifies('mcp/R30', 'a subscription is judged as reading is', async () => {
  host.levels.set('ann', 'READ_ONLY');
  const denied = { outcome: 'denied', reason: 'level' };
  expect(await ask('resources/read', { uri: URI })).toEqual(denied);
  expect(await ask('resources/subscribe', { uri: URI })).toEqual(denied);
  expect(notes.listened).toBe(0);
});

verifies('mcp/R30', 'a subscription ends when its agent says so, once however often it was asked for', async () => {
  await ask('resources/subscribe', { uri: URI });
  await ask('resources/subscribe', { uri: URI });
  await ask('resources/unsubscribe', { uri: URI }, 'bob');
  expect(notes.listened).toBe(1);
  await ask('resources/unsubscribe', { uri: URI });
  expect(notes.methods()).toEqual(['resources/subscribe', 'resources/unsubscribe']);
  expect(notes.listened).toBe(0);
});

verifies('mcp/R30', 'a subscription ends with the last stream, and with the right of its agent', async () => {
  await ask('resources/subscribe', { uri: URI }, 'ann');
  await ask('resources/subscribe', { uri: URI }, 'bob');
  host.router.forget(({ agentId }) => agentId === 'ann');
  expect(notes.methods().filter((method) => method === 'resources/unsubscribe').length).toBe(1);
  network.disconnect('node-b');
  await until(() => notes.listened === 0);
});

verifies('mcp/R31', 'a change is told by the frozen words of a notice', async () => {
  const heard = notices();
  await ask('resources/subscribe', { uri: URI });
  notes.update(URI);
  await until(() => heard.length === 1);
  notes.update(`${URI}/below`, 'ann');
  await until(() => heard.length === 2);
  host.host('notes', undefined);
  await until(() => heard.length === 3);
  expect(heard).toEqual([
    { topic: 'resource', body: { server: 'notes', uri: 'test://notes/a' } },
    { topic: 'resource', body: { server: 'notes', uri: 'test://notes/a/below', agent: 'ann' } },
    { topic: 'resource', body: { server: 'notes', uri: 'test://notes/a', agent: 'ann', over: true } },
  ]);
});

verifies('mcp/R31', 'a change of what nobody subscribed to is not told', async () => {
  const heard = notices();
  await ask('resources/subscribe', { uri: URI });
  notes.update('test://notes/b');
  notes.update(URI, 'bob');
  notes.update(URI);
  await until(() => heard.length > 0);
  expect(heard.map(({ body }) => body)).toEqual([{ server: 'notes', uri: URI }]);
});

verifies('mcp/R32', 'a notice of what was not subscribed to there is ignored, whoever sends it', async () => {
  const stranger = network.add('node-c', [new NotingServer('other')]);
  const session = await guest.subscribe(URI);
  const other = await guest.subscribe('test://other/a');
  const bodies = [
    `{"server":"other","uri":"${URI}"}`,
    '{"server":"notes","uri":"test://notes/b"}',
    '{"server":"notes"}',
    '{',
    '[]',
    `{"uri":"${URI}"}`,
  ];
  for (const body of bodies) host.links.tell('node-b', 'resource', Buffer.from(body));
  stranger.links.tell('node-b', 'resource', Buffer.from(`{"server":"notes","uri":"${URI}"}`));
  stranger.links.tell('node-b', 'resource', Buffer.from('{"server":"other","uri":"test://other/a"}'));
  await until(() => other.heard.length > 0);
  notes.update(`${URI}/last`);
  await until(() => session.heard.length > 0);
  expect([session.heard, other.heard]).toEqual([[`${URI}/last`], ['test://other/a']]);
});

verifies('mcp/R33', 'a task is there for the agent that began it, and for others as if it never was', async () => {
  await ask('tools/call', { name: 'work', task: {} }, 'ann');
  const never = await ask('tasks/result', { taskId: 'never' }, 'ann');
  expect(never).toEqual({ outcome: 'failed', reason: 'INVALID_PARAMS' });
  for (const method of ['tasks/get', 'tasks/result', 'tasks/cancel']) {
    expect(await ask(method, { taskId: 'task-1' }, 'bob')).toEqual(never);
    expect(await ask(method, { taskId: 'task-1' }, 'ann')).toEqual({ outcome: 'ok', reason: '' });
  }
});
