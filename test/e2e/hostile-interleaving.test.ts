import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { answeringAgent, overHttp } from '../support/answering-agent.ts';
import { cleanUp, type ProcessNode, ROOT } from '../support/process-node.ts';
import { type TwoNodes, twoNodes } from '../support/two-nodes.ts';

const ROUNDS = 6;
const crossing = {
  command: process.execPath,
  args: [join(ROOT, 'test/fixtures/conformance/crossing.mjs')],
};

let village: TwoNodes;

beforeAll(async () => {
  village = await twoNodes({ crossing, fresh: crossing, apart: { ...crossing, instances: 'per-agent' } });
  for (const node of [village.host, village.far]) await node.json(['agents', 'add', 'other', '--level', 'OPERATOR']);
}, 60_000);

afterAll(() => cleanUp());

interface Whisperer {
  readonly name: string;
  readonly client: Client;
  /** Everything servers asked of this client. */
  readonly heard: string[];
}

/** A client that answers each question with its own name before it. */
async function whisperer(name: string, node: ProcessNode, agent: string): Promise<Whisperer> {
  const heard: string[] = [];
  const answer = (prompt: string) => {
    heard.push(prompt);
    return `${name} says ${prompt}`;
  };
  const { client } = await answeringAgent(overHttp(node.ready.gateway, await node.token(agent)), { model: answer });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => ({
    action: 'accept' as const,
    content: { word: answer(params.message) },
  }));
  return { name, client, heard };
}

/** The text of the answer, or undefined where there was none. */
async function whisper({ client }: Whisperer, tool: string, secret: string): Promise<string | undefined> {
  const result = await client.callTool({ name: tool, arguments: { secret } }).catch(() => undefined);
  if (result === undefined || result.isError === true) return undefined;
  return (result.content as [{ text: string }])[0].text;
}

describe.each(['crossing', 'apart'])('agents that one server (%s) asks at once, crosswise', (alias) => {
  test('each hear their own questions alone, and each get an answer', async () => {
    const all = await Promise.all([
      whisperer('alice', village.host, 'local'),
      whisperer('bob', village.host, 'other'),
      whisperer('carol', village.far, 'local'),
      whisperer('dora', village.far, 'other'),
    ]);
    const answers = await Promise.all(
      all.map(async (one) => {
        const got: (string | undefined)[] = [];
        for (let round = 0; round < ROUNDS; round += 1) {
          const tool = round % 2 === 0 ? 'ask' : 'form';
          got.push(await whisper(one, `${alias}__${tool}`, `${one.name}-${round}`));
        }
        return got;
      }),
    );
    for (const [at, one] of all.entries()) {
      const secrets = Array.from({ length: ROUNDS }, (_, round) => `${one.name}-${round}`);
      expect(one.heard.filter((secret) => !secrets.includes(secret))).toEqual([]);
      const expected = secrets.map((secret) => `${one.name} says ${secret}`);
      // The very first calls run side by side, before the server is known to ask: those may fail, and never cross.
      expect(answers[at]?.map((answer, round) => (round === 0 ? (answer ?? expected[0]) : answer))).toEqual(expected);
    }
    await Promise.all(all.map(({ client }) => client.close()));
  }, 60_000);
});

test('two windows of one agent do not hear each other, from the first call on', async () => {
  const windows = await Promise.all([
    whisperer('left', village.far, 'local'),
    whisperer('right', village.far, 'local'),
  ]);
  await Promise.all(windows.map((one) => whisper(one, 'fresh__ask', `${one.name}-0`)));
  for (const { name, heard } of windows) expect(heard.filter((secret) => secret !== `${name}-0`)).toEqual([]);
  for (const one of windows)
    expect(await whisper(one, 'fresh__ask', `${one.name}-1`)).toBe(`${one.name} says ${one.name}-1`);
  await Promise.all(windows.map(({ client }) => client.close()));
}, 30_000);
