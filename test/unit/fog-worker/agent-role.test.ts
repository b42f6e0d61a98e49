import { describe, expect, test } from 'vitest';
import { AgentInput, agentRole } from '../../../node/fog/worker/agent-role.ts';
import { HostedRole } from '../../../node/backends/hosted-role.ts';
import { serveRole } from '../../../node/fog/worker/serve-role.ts';
import { callTool } from '../../support/hosting.ts';

function worker(input: object = {}, more: { slot?: string; epoch?: number } = {}): HostedRole {
  const situation = { input: AgentInput.parse(input), slot: more.slot ?? null, epoch: more.epoch ?? null };
  return new HostedRole(agentRole(situation), { wallMs: () => 0, reporter: { report: () => undefined } });
}
const call = async (tool: string, args: object, role = worker()) => {
  const { result } = await callTool(role, tool, args as Record<string, unknown>);
  return result.isError === true ? { refused: result.structuredContent.code } : result.structuredContent;
};
const dot = (a: number[], b: number[]) => a.reduce((sum, value, at) => sum + value * (b[at] as number), 0);

describe('hash', () => {
  test('is SHA-256 of the text in UTF-8, or of the bytes', async () => {
    const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(await call('hash', { text: 'abc' })).toEqual({ algorithm: 'sha256', digest: abc, bytes: 3 });
    expect(await call('hash', { base64: 'YWJj' })).toMatchObject({ digest: abc });
    expect(await call('hash', { text: 'ä' })).toMatchObject({ bytes: 2 });
  });

  test.each([
    {},
    { text: 'a', base64: 'YQ==' },
    { base64: 'not base64!' },
    { text: 'a', more: 1 },
    { text: 'x'.repeat(1024 * 1024 + 1) },
  ])('refuses what is not one of the two: %#', async (args) => {
    expect(await call('hash', args)).toEqual({ refused: 'INVALID_ARGUMENTS' });
  });
});

describe('embed', () => {
  test('gives vectors of length 1, nearer for texts that share words', async () => {
    const texts = ['the cat sat on the mat', 'a cat sat on a mat', 'quarterly revenue forecast'];
    const { vectors, model, dimensions } = await call('embed', { texts });
    expect([model, dimensions]).toEqual(['lexical-hash-1', 256]);
    for (const vector of vectors) expect(dot(vector, vector)).toBeCloseTo(1, 4);
    expect(dot(vectors[0], vectors[1])).toBeGreaterThan(0.4);
    expect(dot(vectors[0], vectors[2])).toBeLessThan(0.25);
  });

  test('stays what it is: vectors of one model are compared across nodes and versions', async () => {
    const { vectors } = await call('embed', { texts: ['fog'], dimensions: 64 });
    const held = vectors[0].flatMap((value: number, at: number) => (value === 0 ? [] : [[at, value]]));
    expect(held).toEqual([
      [13, 0.887357],
      [34, -0.266207],
      [46, -0.266207],
      [48, 0.266207],
    ]);
  });

  test('has the zero vector for a text without words, and takes any script', async () => {
    const { vectors } = await call('embed', { texts: ['…!', 'привет мир', '𝒻𝑜𝑔 fog'], dimensions: 64 });
    expect(new Set(vectors[0])).toEqual(new Set([0]));
    expect(dot(vectors[1], vectors[1])).toBeCloseTo(1, 4);
  });

  test.each([
    { texts: [] },
    { texts: Array.from({ length: 65 }, () => 'a') },
    { texts: ['a'], dimensions: 63 },
    { texts: ['x'.repeat(65_537)] },
  ])('refuses what is out of bounds: %#', async (args) => {
    expect(await call('embed', args)).toEqual({ refused: 'INVALID_ARGUMENTS' });
  });
});

describe('summarise', () => {
  const text =
    'Rain fell on the city all night. The city drains were full of rain by morning. My aunt collects stamps. The drains of the city could take no more rain.';

  test('answers sentences of the text, in its order, and leaves out the one that belongs to nothing', async () => {
    const { summary, sentences } = await call('summarise', { text, sentences: 3 });
    expect(sentences.map((one: { index: number }) => one.index)).toEqual([0, 1, 3]);
    expect(summary).not.toContain('aunt');
    for (const one of sentences) expect(text).toContain(one.text);
  });

  test('of an empty text is empty; of one too long it is refused', async () => {
    expect(await call('summarise', { text: '' })).toEqual({ summary: '', sentences: [] });
    expect(await call('summarise', { text: 'One two. '.repeat(501) })).toEqual({ refused: 'TOO_LARGE' });
  });
});

describe('query', () => {
  const documents = [
    { id: 'bread', text: 'Knead the dough. Let the dough rise for an hour. Bake it.' },
    { id: 'tea', text: 'Boil water. Let the tea steep for four minutes.' },
    { id: 'night', text: 'The stars are out.' },
  ];

  test('finds among the documents of the deployment those that share words with the question, the best first', async () => {
    const { searched, matches } = await call('query', { question: 'how long does dough rise?' }, worker({ documents }));
    expect(searched).toBe(3);
    expect(matches.map((match: { id: string }) => match.id)).toEqual(['bread']);
    expect(matches[0].excerpt).toBe('Let the dough rise for an hour.');
  });

  test('searches the documents of the call where it brings some', async () => {
    const { searched, matches } = await call('query', { question: 'tea', documents: documents.slice(1) });
    expect([searched, matches[0].id]).toEqual([2, 'tea']);
  });

  test('answers nothing where nothing is shared', async () => {
    expect(await call('query', { question: 'zebra', documents })).toMatchObject({ matches: [] });
  });
});

test('a shard says which slot it is and under which epoch', async () => {
  const role = worker({ agent_type: 'magi', documents: [{ id: 'a', text: 'b' }] }, { slot: 'd/1', epoch: 4 });
  expect(await call('shard_status', {}, role)).toEqual({ agent_type: 'magi', slot: 'd/1', epoch: 4, documents: 1 });
});

describe('on its standard streams the worker', () => {
  const spoken = async (...lines: string[]): Promise<Record<string, unknown>[]> => {
    const said: string[] = [];
    const read = serveRole(worker(), (line) => said.push(line));
    read(Buffer.from(lines.map((line) => `${line}\n`).join('')));
    await new Promise((resolve) => setImmediate(resolve));
    return said.map((line) => JSON.parse(line));
  };

  test('agrees on a revision and lists its tools', async () => {
    const [first, second] = await spoken(
      '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05"}}',
      '{"jsonrpc":"2.0","id":2,"method":"tools/list"}',
    );
    expect(first).toMatchObject({ id: 1, result: { protocolVersion: '2024-11-05', serverInfo: { name: 'agent' } } });
    const { tools } = (second as Record<string, unknown>)['result'] as {
      tools: { name: string; outputSchema: object }[];
    };
    expect(tools.map((tool) => tool.name)).toEqual(['hash', 'embed', 'summarise', 'query', 'shard_status']);
    expect(tools.every((tool) => tool.outputSchema !== undefined)).toBe(true);
  });

  test('says nothing to notifications and to what is no request, and goes on', async () => {
    const said = await spoken(
      '{"jsonrpc":"2.0","method":"notifications/initialized"}',
      'not json',
      '[]',
      '{"id":1,"method":"ping"}',
      '{"jsonrpc":"2.0","id":{},"method":"ping"}',
      '{"jsonrpc":"2.0","id":9,"method":"ping"}',
    );
    expect(said.map((one) => one['id'])).toEqual([9]);
  });

  test('refuses a method and a tool that it does not have', async () => {
    const said = await spoken(
      '{"jsonrpc":"2.0","id":1,"method":"shutdown"}',
      '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"rm"}}',
    );
    expect(said.map((one) => (one['error'] as { code: number }).code)).toEqual([-32601, -32602]);
  });
});
