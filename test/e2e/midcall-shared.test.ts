import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ServerConfig } from '../../node/config/schema.ts';
import { CLIENT_ABILITIES, type ClientQuestion } from '../../src/mcp/index.ts';
import { ask, callTool, healthy, host } from '../support/hosting.ts';
import { promptedAgent, promptOf } from '../support/prompted-agent.ts';
import { until } from '../support/until.ts';

const ASKING = join(import.meta.dirname, '../fixtures/servers/asking.mjs');
const asking = (more: Record<string, unknown> = {}) =>
  ServerConfig.parse({ command: process.execPath, args: [ASKING], ...more });

describe('a child that many agents share', () => {
  test('shows no agent the prompt of another, however their calls interleave', async () => {
    await using hosted = await host({ a: asking() });
    const server = await hosted.until('a', healthy);
    const agents = ['ann', 'bob', 'cyd'].map(promptedAgent);
    const wave = (wave: number) =>
      agents.flatMap((agent) =>
        Array.from({ length: 12 }, async (_, n) => {
          const args = { prompt: `${agent.agent} ${wave}.${n}`, ms: n % 3, times: 1 + (n % 2) };
          const { text } = await callTool(server, 'ask', args, agent);
          const heard = JSON.parse(text).heard as { by?: string; code?: number }[];
          return {
            agent: agent.agent,
            expected: Array.from({ length: args.times }, () => ({ by: agent.agent })),
            heard,
          };
        }),
      );
    const foreign = () =>
      agents.flatMap(({ agent, shown }) => shown.filter((prompt) => !prompt.startsWith(`${agent} `)));
    // Nobody knows yet that this server asks: of calls in flight together it cannot be told whose a question is.
    for (const { agent, heard } of await Promise.all(wave(1))) {
      for (const { by } of heard) expect([agent, undefined]).toContain(by);
    }
    expect(foreign()).toEqual([]);
    // From then on its calls are done one at a time.
    for (const { expected, heard } of await Promise.all(wave(2))) expect(heard).toEqual(expected);
    expect(foreign()).toEqual([]);
    for (const { shown } of agents) expect(shown.filter((prompt) => prompt.includes(' 2.'))).toHaveLength(18);
  });

  test('shows the prompt of a call that was given up to nobody, when it comes while another agent calls', async () => {
    await using hosted = await host({ a: asking() });
    const server = await hosted.until('a', healthy);
    const [ann, bob] = [promptedAgent('ann'), promptedAgent('bob')] as const;
    const leave = new AbortController();
    const left = callTool(server, 'late', { prompt: 'ann’s secret', ms: 100 }, { ...ann, signal: leave.signal });
    await callTool(server, 'level', {}, bob);
    leave.abort();
    await left;
    const meanwhile = await callTool(server, 'ask', { prompt: 'bob’s own', ms: 250 }, bob);
    expect(bob.shown).toEqual([]);
    expect(JSON.parse(meanwhile.text).heard[0].code).toBe(-32603);
  });

  test('tells agents without sessions apart as well', async () => {
    await using hosted = await host({ a: asking() });
    const server = await hosted.until('a', healthy);
    const converse = async (agent: string) => {
      const era = { agent, era: 'stateless', client: new Set(CLIENT_ABILITIES) } as const;
      const params = { name: 'ask', arguments: { prompt: `${agent}’s` } };
      const first = await ask(server, 'tools/call', params, era);
      const { inputRequests, requestState } = first.result;
      if (inputRequests === undefined) return { agent, heard: JSON.parse(first.text).heard, prompt: undefined };
      const [[key, question]] = Object.entries(inputRequests) as [[string, ClientQuestion]];
      const inputResponses = { [key]: { by: agent } };
      const last = await ask(server, 'tools/call', { ...params, requestState, inputResponses }, era);
      return { agent, heard: JSON.parse(last.text).heard, prompt: promptOf(question) };
    };
    await converse('first');
    for (const { agent, heard, prompt } of await Promise.all(['ann', 'bob', 'cyd'].map(converse))) {
      expect(heard).toEqual([{ by: agent }]);
      expect(prompt).toBe(`${agent}’s`);
    }
  });

  test('is told the level that the most talkative agent wants, and each hears from its own', async () => {
    await using hosted = await host({ a: asking() });
    const server = await hosted.until('a', healthy);
    const heardBy = async (logLevel: 'error' | 'debug') => {
      const related: Record<string, unknown>[] = [];
      const from = { logLevel, onRelated: (message: Record<string, unknown>) => related.push(message) };
      for (const level of ['debug', 'info', 'error']) await callTool(server, 'log', { level, text: level }, from);
      return related.map(({ params }) => (params as { data: string }).data);
    };
    expect(await heardBy('error')).toEqual(['error']);
    expect(JSON.parse((await callTool(server, 'level')).text)).toBe('error');
    expect(await heardBy('debug')).toEqual(['debug', 'info', 'error']);
    expect(await heardBy('error')).toEqual(['error']);
    expect(JSON.parse((await callTool(server, 'level')).text)).toBe('debug');
  });
});

describe('a child for each agent', () => {
  test('does the calls of its agent side by side, and asks that agent', async () => {
    await using hosted = await host({ a: asking({ instances: 'per-agent' }) });
    const server = await hosted.until('a', healthy);
    const agents = ['ann', 'bob'].map(promptedAgent);
    const calls = agents.flatMap((agent) =>
      [1, 2, 3].map(async (n) => {
        const { text, error } = await callTool(server, 'ask', { prompt: `${agent.agent} ${n}`, ms: 50 }, agent);
        expect(error).toBeUndefined();
        expect(JSON.parse(text).heard).toEqual([{ by: agent.agent }]);
      }),
    );
    await Promise.all(calls);
    for (const { agent, shown } of agents) {
      expect(shown.toSorted()).toEqual([`${agent} 1`, `${agent} 2`, `${agent} 3`]);
    }
  });
});

describe('an agent without a session that does not come back', () => {
  test('has its call cancelled at the server', async () => {
    await using hosted = await host({ a: asking() });
    const server = await hosted.until('a', healthy);
    const era = { era: 'stateless', client: new Set(CLIENT_ABILITIES), ms: 300 } as const;
    const first = await ask(server, 'tools/call', { name: 'ask', arguments: { prompt: 'p' } }, era);
    expect(first.result.resultType).toBe('input_required');
    await until(async () => JSON.parse((await callTool(server, 'cancelled')).text).length === 1);
  });
});
