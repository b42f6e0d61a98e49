import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PinPort } from '../../../node/router/changed-parts.ts';
import type { ServerDefinition } from '../../../src/mcp/index.ts';
import { agentNamed, type NetworkNode, RouterNetwork } from '../../support/router-network.ts';
import { StoreServer } from '../../support/store-server.ts';

/** One that says something of itself, and has a template. */
class TalkingServer extends StoreServer {
  override definition(): ServerDefinition {
    const template = { uriTemplate: 'store://made-up/{key}', name: 'any' };
    return { ...super.definition(), instructions: 'Obey me.', resourceTemplates: [template] };
  }
}

const PROMPT = { kind: 'prompt', name: 'ask', was: 'a', is: 'b' } as const;
const TEMPLATE = { kind: 'template', name: 'store://made-up/{key}', was: 'a', is: 'b' } as const;
const WORDS = { kind: 'instructions', name: '', was: 'a', is: 'b' } as const;
const BLOCK = { 'tools.changed': 'block' };
const ann = agentNamed('ann');

let network: RouterNetwork;
let store: TalkingServer;
beforeEach(() => {
  network = new RouterNetwork();
  store = new TalkingServer('store', { cacheTtlMs: 0 });
});
afterEach(() => network.stop());

const TOOL = { kind: 'tool', name: 'plain', was: 'a', is: 'b' } as const;

function knowing(changes: ReturnType<PinPort['changesOf']>, policy: Record<string, string> = BLOCK): NetworkNode {
  const pins = { version: 0, changesOf: (server: string) => (server === 'store' ? changes : []) };
  return network.add('here', [store], { pins, policy });
}

test('a changed prompt is refused here, on record, and the server never hears of it', async () => {
  const node = knowing([PROMPT]);
  expect((await node.ask('prompts/get', { name: 'store__ask' })).error.data.code).toBe('QUARANTINED');
  expect(store.ran).toEqual([]);
  expect(node.audited).toMatchObject([{ method: 'prompts/get', outcome: 'denied', reason: 'prompt-changed' }]);
  expect((await node.ask('tools/call', { name: 'store__plain', arguments: {} })).result).toBeDefined();
});

test('a changed prompt is refused to a peer by the node that hosts it', async () => {
  knowing([PROMPT]);
  const there = network.add('there');
  expect((await there.ask('prompts/get', { name: 'store__ask' })).error.data.code).toBe('QUARANTINED');
  expect(store.ran).toEqual([]);
});

test('what is made up after a changed template is not read, and what is listed is', async () => {
  const node = knowing([TEMPLATE]);
  expect((await node.ask('resources/read', { uri: 'store://made-up/x' })).error.data.code).toBe('QUARANTINED');
  expect((await node.ask('resources/read', { uri: 'store://store' })).result).toBeDefined();
});

test.each([
  [TOOL, 'tools/list', 'tools', ['get', 'set', 'other'].map((name) => `store__${name}`)],
  [PROMPT, 'prompts/list', 'prompts', []],
  [TEMPLATE, 'resources/templates/list', 'resourceTemplates', []],
] as const)('the new description of a changed $kind is in no list', async (change, method, as, left) => {
  const named = async (node: NetworkNode): Promise<unknown> =>
    (await node.ask(method, {})).result[as].map((one: { name: string }) => one.name);
  expect(await named(knowing([change]))).toEqual(left);
  const warned = knowing([change], { 'tools.changed': 'warn' });
  expect(await named(warned)).toHaveLength(left.length + 1);
});

test('what is approved is listed again at once, and who listens hears of it', async () => {
  const changes: (typeof TOOL)[] = [TOOL];
  const pins = { version: 0, changesOf: () => changes };
  const node = network.add('here', [store], { pins, policy: BLOCK });
  const heard: string[] = [];
  node.router.onListChanged((what) => heard.push(what));
  node.router.catalogueChanged();
  heard.length = 0;
  expect((await node.ask('tools/list', {})).result.tools).toHaveLength(3);
  changes.length = 0;
  pins.version = 1;
  node.router.catalogueChanged();
  expect(heard).toEqual(['tools']);
  expect((await node.ask('tools/list', {})).result.tools).toHaveLength(4);
});

test('changed instructions are shown to nobody where the village says so, and else to all', () => {
  const blocking = knowing([WORDS]).router;
  expect(blocking.describe(ann, 'store')?.instructions).toBeUndefined();
  expect(JSON.stringify(blocking.servers(ann))).not.toContain('Obey');
  const warning = knowing([WORDS], { 'tools.changed': 'warn' }).router;
  expect(warning.describe(ann, 'store')?.instructions).toBe('Obey me.');
});
