import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { agentNamed, type NetworkNode, NotingServer, RouterNetwork } from '../../support/router-network.ts';
import { until } from '../../support/until.ts';

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

const count = (method: string) => notes.methods().filter((one) => one === method).length;
const subscribed = () => count('resources/subscribe');
const unsubscribed = () => count('resources/unsubscribe');
const heardOnce = (...all: readonly { heard: readonly string[] }[]) =>
  until(() => all.every(({ heard }) => heard.length > 0));

describe.each(['on the node that hosts it', 'a hop away'])('a resource %s', (where) => {
  const node = () => (where === 'a hop away' ? guest : host);

  test('is subscribed to once, however many sessions of an agent listen, and let go with the last', async () => {
    const sessions = await Promise.all(Array.from({ length: 5 }, () => node().subscribe(URI)));
    expect(sessions.map(({ error }) => error)).toEqual(Array(5).fill(undefined));
    expect(subscribed()).toBe(1);
    notes.update(URI);
    await heardOnce(...sessions);
    expect(sessions.map(({ heard }) => heard)).toEqual(Array(5).fill([URI]));
    for (const { end } of sessions.slice(1)) end();
    expect(unsubscribed()).toBe(0);
    sessions[0]?.end();
    sessions[0]?.end();
    await until(() => unsubscribed() === 1);
    expect(notes.listened).toBe(0);
  });

  test('is asked for in the name of each agent, and told to each', async () => {
    const ann = await node().subscribe(URI, agentNamed('ann'));
    const bob = await node().subscribe(URI, agentNamed('bob'));
    expect(notes.asked.map(({ agentId }) => agentId)).toEqual(['ann', 'bob']);
    notes.update(URI);
    await heardOnce(ann, bob);
    bob.end();
    await until(() => unsubscribed() === 1);
    notes.update(URI);
    await until(() => ann.heard.length === 2);
    expect(bob.heard).toEqual([URI]);
  });

  test('that changes in one agent’s own instance is told to that agent alone', async () => {
    const ann = await node().subscribe(URI, agentNamed('ann'));
    const bob = await node().subscribe(URI, agentNamed('bob'));
    notes.update(URI, 'bob');
    await heardOnce(bob);
    notes.update(URI);
    await until(() => bob.heard.length === 2);
    expect(ann.heard).toEqual([URI]);
  });

  test('is told of when one beneath it changes, and not when its neighbour does', async () => {
    const session = await node().subscribe(URI);
    notes.update(`${URI}bc`);
    notes.update(`${URI}/part`);
    await heardOnce(session);
    expect(session.heard).toEqual([`${URI}/part`]);
  });

  test('that the server refuses is refused with its own words, and asked for again by the next', async () => {
    notes.refuses = 'gone fishing';
    const first = await node().subscribe(URI);
    expect(first.error).toMatchObject({ code: -32002, message: 'gone fishing' });
    expect(notes.listened).toBe(0);
    notes.refuses = undefined;
    expect((await node().subscribe(URI)).error).toBeUndefined();
  });

  test('that nobody serves, or that this agent may not read, is refused before anyone is asked', async () => {
    expect((await node().subscribe('other://x')).error).toMatchObject({ code: -32002 });
    const reader = agentNamed('ann', 'aa', 'READ_ONLY');
    expect((await node().subscribe(URI, reader)).error).toMatchObject({ code: -32003 });
    expect(notes.asked).toEqual([]);
    expect(node().audited.map(({ method, outcome, reason }) => [method, outcome, reason])).toEqual([
      ['resources/subscribe', 'failed', 'RESOURCE_NOT_FOUND'],
      ['resources/subscribe', 'denied', 'level'],
    ]);
  });

  test('is watched anew where its server is replaced, and told of once', async () => {
    const session = await node().subscribe(URI);
    const next = new NotingServer('notes');
    host.host('notes', next);
    await heardOnce(session);
    expect(session.heard).toEqual([URI]);
    expect(next.methods()).toEqual(['resources/subscribe']);
    expect(notes.listened).toBe(0);
    next.update(URI);
    await until(() => session.heard.length === 2);
  });

  test('is let go when its agent’s token is revoked', async () => {
    const session = await node().subscribe(URI, agentNamed('ann', 'stolen'));
    const kept = await node().subscribe(URI, agentNamed('bob', 'good'));
    host.router.forget(({ tokenId }) => tokenId === 'stolen');
    node().router.forget(({ tokenId }) => tokenId === 'stolen');
    await until(() => unsubscribed() > 0);
    notes.update(URI);
    await heardOnce(kept);
    expect(session.heard).toEqual([]);
  });
});

describe('a resource a hop away', () => {
  test('is judged by the node that serves it, at the start and at every change', async () => {
    host.levels.set('ann', 'READ_ONLY');
    expect((await guest.subscribe(URI)).error).toMatchObject({ code: -32003 });
    expect(notes.asked).toEqual([]);
    host.levels.delete('ann');
  });

  test('is watched anew when the link was lost, and told of once, since something may have been missed', async () => {
    const session = await guest.subscribe(URI);
    const reconnect = network.disconnect('node-a');
    await until(() => unsubscribed() === 1);
    notes.update(URI);
    reconnect();
    network.changed();
    await heardOnce(session);
    expect(session.heard).toEqual([URI]);
    expect(subscribed()).toBe(2);
    notes.update(URI);
    await until(() => session.heard.length === 2);
  });

  test('is watched at another node that serves it when the first is gone', async () => {
    const twin = new NotingServer('notes');
    network.add('node-c', [twin]);
    const session = await guest.subscribe(URI);
    const [first, second] = notes.listened > 0 ? [notes, twin] : [twin, notes];
    network.disconnect(first === notes ? 'node-a' : 'node-c');
    await heardOnce(session);
    expect([first.listened, second.listened]).toEqual([0, 1]);
    second.update(`${URI}/there`);
    await until(() => session.heard.length === 2);
    expect(session.heard).toEqual([URI, `${URI}/there`]);
  });

  test('is not asked for for ever where it cannot be had, and at once when something changed', async () => {
    const session = await guest.subscribe(URI);
    notes.refuses = 'gone';
    const reconnect = network.disconnect('node-a');
    reconnect();
    await until(() => subscribed() > 2);
    notes.refuses = undefined;
    network.changed();
    await heardOnce(session);
    expect(session.heard).toEqual([URI]);
  });

  test('is let go at the host when the guest is gone for good', async () => {
    await guest.subscribe(URI);
    network.disconnect('node-b');
    await until(() => unsubscribed() === 1 && notes.listened === 0);
  });

  test('that changed a hundred times in a moment is told of, though not a hundred times', async () => {
    const session = await guest.subscribe(URI);
    for (let i = 0; i < 100; i++) notes.update(URI);
    await heardOnce(session);
    expect(session.heard).toEqual([URI]);
  });

  test.each([
    ['no JSON', Buffer.from('{')],
    ['another shape', Buffer.from('{"server":"notes","uri":7}')],
    ['a member nobody knows', Buffer.from(`{"server":"notes","uri":"${URI}","more":1}`)],
    ['another server', Buffer.from(`{"server":"other","uri":"${URI}"}`)],
    ['another resource', Buffer.from('{"server":"notes","uri":"test://notes/b"}')],
  ])('is not changed by a notice of %s', async (_what, body) => {
    const session = await guest.subscribe(URI);
    expect(host.links.tell('node-b', 'resource', body)).toBe(true);
    notes.update(`${URI}/last`);
    await heardOnce(session);
    expect(session.heard).toEqual([`${URI}/last`]);
  });

  test('is no business of a third node: its notices are not heard', async () => {
    const session = await guest.subscribe(URI);
    const stranger = network.add('node-c', [new NotingServer('other')]);
    await guest.subscribe('test://other/a');
    stranger.links.tell('node-b', 'resource', Buffer.from(`{"server":"notes","uri":"${URI}"}`));
    notes.update(`${URI}/last`);
    await heardOnce(session);
    expect(session.heard).toEqual([`${URI}/last`]);
  });
});
