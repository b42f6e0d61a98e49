import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canonicalJson } from '../../src/kernel/index.ts';
import { answeringAgent, overHttp } from '../support/answering-agent.ts';
import { EVERYTHING, FILESYSTEM, MEMORY } from '../support/agents.ts';
import { cleanUp, dataFolder, ROOT } from '../support/process-node.ts';
import { type TwoNodes, twoNodes } from '../support/two-nodes.ts';
import { VillageFace } from '../support/village-face.ts';

const folder = dataFolder('transparency');
const files = join(folder, 'files');
const steady = join(folder, 'steady.txt');
const LONG_AGO = new Date('2020-01-02T03:04:05Z');
const LATER = new Date('2021-01-02T03:04:05Z');

/** `env -i` makes the environment the same whoever starts the program. */
const program = (file: string, args: readonly string[], env: readonly string[] = []) => ({
  command: '/usr/bin/env',
  args: ['-i', 'HOME=/nowhere', ...env, process.execPath, file, ...args],
});
const memory = (name: string) => program(MEMORY, [], [`MEMORY_FILE_PATH=${join(folder, `${name}.jsonl`)}`]);
const SERVERS = {
  everything: { direct: program(EVERYTHING, ['stdio']), hosted: program(EVERYTHING, ['stdio']) },
  memory: { direct: memory('direct'), hosted: memory('hosted') },
  filesystem: { direct: program(FILESYSTEM, [folder]), hosted: program(FILESYSTEM, [folder]) },
};
type Alias = keyof typeof SERVERS;

function freshFiles(): void {
  rmSync(files, { recursive: true, force: true });
  mkdirSync(join(files, 'inner'), { recursive: true });
  writeFileSync(join(files, 'one.txt'), 'first\nsecond\nthird\n');
  writeFileSync(join(files, 'two.md'), 'nothing ✓ much');
  writeFileSync(join(files, 'dot.png'), Buffer.from('iVBORw0KGgo=', 'base64'));
}

const entity = (name: string) => ({ name, entityType: 'animal', observations: [`${name} is "quoted" ✓\n`] });
const relation = { from: 'otter', to: 'badger', relationType: 'knows' };

/** Every tool with arguments that make sense, in an order in which each has something to do. */
const CALLS: Readonly<Record<Alias, readonly (readonly [tool: string, given: Record<string, unknown>])[]>> = {
  everything: [
    ['echo', { message: 'hello ✓ "quoted"\n\u2028 \\ </script>' }],
    ['get-sum', { a: 0.1, b: 0.2 }],
    ['get-annotated-message', { messageType: 'debug', includeImage: true }],
    ['get-env', {}],
    ['get-resource-links', { count: 4 }],
    ['get-resource-reference', { resourceType: 'Text', resourceId: 2 }],
    ['get-structured-content', { location: 'Chicago' }],
    ['get-tiny-image', {}],
    ['gzip-file-as-resource', { name: 'a.gz', data: 'data:text/plain,otters', outputType: 'resource' }],
    ['toggle-simulated-logging', {}],
    ['toggle-simulated-logging', {}],
    ['toggle-subscriber-updates', {}],
    ['toggle-subscriber-updates', {}],
    ['trigger-long-running-operation', { duration: 0.1, steps: 2 }],
    ['get-roots-list', {}],
    ['trigger-sampling-request', { prompt: 'say it louder' }],
    ['trigger-elicitation-request', {}],
    ['trigger-url-elicitation', { url: 'https://example.org/form', elicitationId: 'e-1' }],
  ],
  memory: [
    ['create_entities', { entities: [entity('otter'), entity('badger')] }],
    ['create_relations', { relations: [relation] }],
    ['add_observations', { observations: [{ entityName: 'otter', contents: ['swims'] }] }],
    ['search_nodes', { query: 'otter' }],
    ['open_nodes', { names: ['badger', 'nobody'] }],
    ['read_graph', {}],
    ['delete_observations', { deletions: [{ entityName: 'otter', observations: ['swims'] }] }],
    ['delete_relations', { relations: [relation] }],
    ['delete_entities', { entityNames: ['otter'] }],
    ['add_observations', { observations: [{ entityName: 'otter', contents: ['is gone'] }] }],
  ],
  filesystem: [
    ['list_allowed_directories', {}],
    ['get_file_info', { path: steady }],
    ['read_file', { path: join(files, 'one.txt') }],
    ['read_text_file', { path: join(files, 'one.txt'), tail: 2 }],
    ['read_media_file', { path: join(files, 'dot.png') }],
    ['read_multiple_files', { paths: [join(files, 'one.txt'), join(files, 'missing.txt')] }],
    ['write_file', { path: join(files, 'three.txt'), content: 'written\r\n✓' }],
    ['edit_file', { path: join(files, 'three.txt'), edits: [{ oldText: 'written', newText: 'edited' }] }],
    ['create_directory', { path: join(files, 'made') }],
    ['move_file', { source: join(files, 'three.txt'), destination: join(files, 'made', 'four.txt') }],
    ['list_directory', { path: files }],
    ['list_directory_with_sizes', { path: files, sortBy: 'size' }],
    ['directory_tree', { path: files }],
    ['search_files', { path: files, pattern: '**/*.txt' }],
    ['read_file', { path: '/usr/share/somewhere-else.txt' }],
  ],
};
/** Runs as a task only, which has ids of its own; test/e2e/tasks.test.ts looks at it. */
const TASKS_ONLY = ['simulate-research-query'];

let village: TwoNodes;
let token: string;

beforeAll(async () => {
  freshFiles();
  writeFileSync(steady, 'the same for everybody');
  utimesSync(steady, LATER, LONG_AGO); // read after it was written: reading it again leaves its times alone
  const hosted = Object.entries(SERVERS).map(([alias, made]) => [alias, made.hosted]);
  const numbers = program(join(ROOT, 'test/fixtures/conformance/numbers.mjs'), []);
  village = await twoNodes({ ...Object.fromEntries(hosted), numbers });
  token = await village.far.token();
}, 60_000);

afterAll(() => cleanUp());

// A shared child belongs to no agent: what it asks outside a call (everything asks for roots, once) has no roots for an answer.
const options = { roots: [] };
const direct = (alias: Alias) =>
  answeringAgent(new StdioClientTransport({ ...SERVERS[alias].direct, stderr: 'pipe' }), options);
const throughAHop = (alias: Alias) => answeringAgent(overHttp(`${village.far.ready.gateway}/${alias}`, token), options);

/** Resources of `everything` say when they were made. */
const CLOCK = /\d{1,2}:\d\d:\d\d [AP]M/g;

/** What a server answers to every call, in canonical JSON; an error by its code and message. */
async function answers(client: Client, alias: Alias): Promise<string[]> {
  freshFiles();
  const seen: string[] = [];
  for (const [name, given] of CALLS[alias]) {
    const answer = await client
      .request({ method: 'tools/call', params: { name, arguments: given } }, CallToolResultSchema.loose())
      .catch((error: { code: number; message: string }) => ({ code: error.code, message: error.message }));
    seen.push(`${name} ${canonicalJson(answer).replace(CLOCK, 'TIME')}`);
  }
  return seen;
}

const toolsOf = async (client: Client) => (await client.listTools()).tools.map((tool) => canonicalJson(tool)).sort();

describe.each(Object.keys(SERVERS) as Alias[])('a client of %s a hop away', (alias) => {
  test('gets from every tool what it gets from the server itself', async () => {
    const [near, far] = await Promise.all([direct(alias), throughAHop(alias)]);
    const expected = await answers(near.client, alias);
    expect(await answers(far.client, alias)).toEqual(expected);
    expect(far.sampled).toEqual(near.sampled);
    expect(far.elicited).toEqual(near.elicited);
    await Promise.all([near.client.close(), far.client.close()]);
  }, 60_000);

  test('sees the same tools, and all of them were called', async () => {
    const [near, far] = await Promise.all([direct(alias), throughAHop(alias)]);
    const tools = await toolsOf(near.client);
    expect(await toolsOf(far.client)).toEqual(tools);
    const called = new Set([...CALLS[alias].map(([name]) => name), ...TASKS_ONLY]);
    const names = tools.map((tool) => (JSON.parse(tool) as { name: string }).name);
    expect(names.filter((name) => !called.has(name))).toEqual([]);
    await Promise.all([near.client.close(), far.client.close()]);
  }, 60_000);
});

test('numbers that no double holds cross a hop as they were written, in arguments and in results', async () => {
  const face = new VillageFace(village.far.ready.gateway, token);
  const session = await face.openSession('2025-11-25');
  const given = '{"id":9223372036854775807,"least":-1e-400}';
  const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"numbers__count","arguments":${given}}}`;
  const { text } = await face.post(body, session);
  expect(text).toContain('"structuredContent":{"id":18446744073709551615,"far":1e400}');
  expect(text).toContain(JSON.stringify(given).slice(1, -1));
});
