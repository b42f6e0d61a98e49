import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EVERYTHING, MEMORY } from '../support/agents.ts';
import type { Message } from '../support/inbox.ts';
import { cleanUp, dataFolder, type ProcessNode, ROOT } from '../support/process-node.ts';
import { converse, type Exchange, type Transcript, TRANSCRIPTS } from '../support/transcript.ts';
import { type TwoNodes, twoNodes } from '../support/two-nodes.ts';
import { httpWire, sseWire, stdioWire, type Wire } from '../support/wire.ts';

const recorded = readdirSync(TRANSCRIPTS).map((file) => ({
  file,
  transcript: JSON.parse(readFileSync(join(TRANSCRIPTS, file), 'utf8')) as Transcript,
}));

let village: TwoNodes;
const tokens = new Map<ProcessNode, string>();

beforeAll(async () => {
  const memory = join(dataFolder('transcripts'), 'memory.jsonl');
  const program = (...args: string[]) => ({ command: process.execPath, args });
  village = await twoNodes({
    everything: program(EVERYTHING, 'stdio'),
    memory: { ...program(MEMORY), env: { MEMORY_FILE_PATH: memory } },
    'session-fixture': program(join(ROOT, 'test/fixtures/conformance/session.ts')),
  });
  for (const node of [village.host, village.far]) tokens.set(node, await node.token());
}, 60_000);

afterAll(() => cleanUp());

type Params = Readonly<Record<string, unknown>>;

/** The same message with names as the whole village knows them. */
function prefixed(message: Message, alias: string): Message {
  const { params = {} } = message;
  const full = (named: Params) => ({ ...named, name: `${alias}__${String(named['name'])}` });
  if (params['ref'] !== undefined) return { ...message, params: { ...params, ref: full(params['ref'] as Params) } };
  return params['name'] === undefined ? message : { ...message, params: full(params) };
}

const LISTS = {
  'tools/list': 'tools',
  'prompts/list': 'prompts',
  'resources/list': 'resources',
  'resources/templates/list': 'resourceTemplates',
} as const;

/** What a list holds of one server, by the names the server itself gave. */
function ownEntries(reply: Message | undefined, key: string, prefix: string): Params[] {
  const entries = (reply?.result?.[key] ?? []) as Params[];
  return entries.map((entry) => {
    const name = String(entry['name']);
    return name.startsWith(prefix) ? { ...entry, name: name.slice(prefix.length) } : entry;
  });
}

/** Everything that came is what was recorded; of lists, everything recorded is there, for the village may know more. */
function compare(expected: Exchange, got: Exchange, prefix: string): void {
  const { method } = expected.send;
  const [reply, other] = [got.receive.at(-1), expected.receive.at(-1)];
  const list = LISTS[method as keyof typeof LISTS];
  if (list !== undefined) {
    const entries = ownEntries(other, list, '');
    expect(ownEntries(reply, list, prefix), method).toEqual(expect.arrayContaining(entries));
  } else if (method === 'initialize') {
    expect(reply?.result?.['protocolVersion']).toBe(other?.result?.['protocolVersion']);
    const names = Object.keys(other?.result?.['capabilities'] as Params);
    expect(Object.keys(reply?.result?.['capabilities'] as Params)).toEqual(expect.arrayContaining(names));
  } else expect(got.receive, JSON.stringify(expected.send)).toEqual(expected.receive);
}

async function open(node: ProcessNode, { transport, server }: Transcript): Promise<Wire> {
  const headers = { authorization: `Bearer ${tokens.get(node)}` };
  const { gateway } = node.ready;
  if (transport === 'sse') return sseWire(new URL('/sse', gateway).href, headers);
  if (transport === 'http') return httpWire(`${gateway}/${server}`, headers);
  return stdioWire(process.execPath, [join(ROOT, 'node/main.ts'), 'connect', '--data', node.data]);
}

describe.each(['the node that hosts it', 'a node away from it'])('at %s, 2024-11-05', (where) => {
  test.each(recorded)(
    'is spoken as recorded: $file',
    async ({ transcript }) => {
      const { server, transport, exchanges } = transcript;
      expect(transcript.protocolVersion).toBe('2024-11-05');
      expect(exchanges.length).toBeGreaterThan(8);
      // The view of one server has the server's own names; what stands for the whole village has them after the server's.
      const prefix = transport === 'http' ? '' : `${server}__`;
      const sent = exchanges.map(({ send }) => (prefix === '' ? send : prefixed(send, server)));
      await using wire = await open(where === 'a node away from it' ? village.far : village.host, transcript);
      const said = await converse(wire, sent);
      expect(said).toHaveLength(exchanges.length);
      for (const [at, got] of said.entries()) compare(exchanges[at] as Exchange, got, prefix);
    },
    40_000,
  );
});
