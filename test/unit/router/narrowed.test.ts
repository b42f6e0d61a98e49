import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { agentNamed, type NetworkNode, NotingServer, RouterNetwork } from '../../support/router-network.ts';

/** A server with a tool that is called like one of the village's own. */
class Captor extends NotingServer {
  override definition() {
    const { tools, ...definition } = super.definition();
    const more = { name: 'mesh_ping', inputSchema: { type: 'object' as const } };
    return { ...definition, tools: [...tools, more], prompts: [{ name: 'hello' }] };
  }
}

let network: RouterNetwork;
let host: NetworkNode;
let guest: NetworkNode;
let one: Captor;

beforeEach(() => {
  one = new Captor('one');
  network = new RouterNetwork();
  host = network.add('node-a', [one, new Captor('one_more')]);
  guest = network.add('node-b');
});
afterEach(() => network.stop());

const narrowedTo = (...permissions: string[]) => ({ ...agentNamed('ann', permissions.join(' ')), permissions });
const namesIn = async (node: NetworkNode, method: string, ...permissions: string[]) => {
  const { result } = await node.ask(method, {}, narrowedTo(...permissions));
  const items: { name: string }[] = result.tools ?? result.prompts ?? result.resources ?? result.resourceTemplates;
  return items.map(({ name }) => name);
};
const asked: [string, Record<string, unknown>][] = [
  ['tools/call', { name: 'one__work' }],
  ['prompts/get', { name: 'one__hello' }],
  ['resources/read', { uri: 'test://one/a' }],
];

describe.each(['on the node itself', 'a hop away'])('a narrowed token %s', (where) => {
  const node = () => (where === 'a hop away' ? guest : host);

  test('lists and calls the tools that it names as the agent sees them', async () => {
    expect(await namesIn(node(), 'tools/list', 'one__*')).toEqual(['one__work', 'one__mesh_ping']);
    expect(await namesIn(node(), 'tools/list', 'one__work')).toEqual(['one__work']);
    for (const [method, params] of asked) {
      expect((await node().ask(method, params, narrowedTo('one__*'))).result).toBeDefined();
    }
    expect((await node().ask('tools/call', { name: 'one__work' }, narrowedTo('one__work'))).result).toBeDefined();
  });

  test('to a tool of the village is not taken by a server that has one of that name, or is called alike', async () => {
    const agent = narrowedTo('mesh_ping', 'work', 'one_*');
    expect(await namesIn(node(), 'tools/list', ...agent.permissions)).toEqual([]);
    for (const name of ['one__mesh_ping', 'one__work', 'one_more__work']) {
      expect((await node().ask('tools/call', { name }, agent)).error).toMatchObject({
        code: -32003,
        message: `the token's permissions do not include ${name}`,
      });
    }
    expect(one.asked).toEqual([]);
  });

  test('to one tool reads nothing else of its server', async () => {
    const agent = narrowedTo('one__work');
    for (const list of ['prompts/list', 'resources/list', 'resources/templates/list'] as const) {
      expect(await namesIn(node(), list, ...agent.permissions)).toEqual([]);
    }
    for (const [method, params] of asked.slice(1)) {
      expect((await node().ask(method, params, agent)).error).toMatchObject({ code: -32003 });
    }
    expect((await node().subscribe('test://one/a', agent)).error).toMatchObject({ code: -32003 });
  });

  test('to one prompt finds its server', () => {
    expect(
      node()
        .router.servers(narrowedTo('one__hello'))
        .map(({ label }) => label),
    ).toEqual(['one']);
    expect(node().router.servers(narrowedTo('hello'))).toEqual([]);
  });
});

test('the serving node looks itself, and names what it refuses as the agent knows it', async () => {
  const call = (name: string, ...permissions: string[]) =>
    guest.links.call('node-a', {
      server: 'one',
      request: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } },
      context: {
        principal: narrowedTo(...permissions),
        era: 'session',
        callId: crypto.getRandomValues(new Uint8Array(16)),
        deadlineAt: performance.now() + 5_000,
        signal: new AbortController().signal,
      },
    });
  expect(await call('work', 'one__work')).toMatchObject({ outcome: 'ok' });
  for (const permission of ['work', 'two__*', 'mesh_ping']) {
    const end = await call('work', permission);
    expect(end).toMatchObject({ kind: 'result', outcome: 'denied', reason: 'narrowed' });
    expect(end.kind === 'result' && Buffer.from(end.body).toString()).toContain('one__work');
  }
});
