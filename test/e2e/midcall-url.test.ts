import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ServerConfig } from '../../node/config/schema.ts';
import { CLIENT_ABILITIES } from '../../src/mcp/index.ts';
import { startFixture, type FixtureServer } from '../support/fixture-port.ts';
import { ask, type CallOptions, callTool, healthy, host } from '../support/hosting.ts';
import { promptedAgent } from '../support/prompted-agent.ts';
import { until } from '../support/until.ts';

const ASKING = join(import.meta.dirname, '../fixtures/servers/asking-http.mjs');

let fixture: FixtureServer;
beforeEach(async () => {
  fixture = await startFixture(ASKING, []);
});
afterEach(() => fixture[Symbol.asyncDispose]());

const at = (mode: string, more: Record<string, unknown> = {}) =>
  ServerConfig.parse({ url: `http://127.0.0.1:${fixture.port}/${mode}`, ...more });

const MODERN = { era: 'stateless', meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } } as const;

describe('a server at a URL that asks', () => {
  test('on the stream of a call asks the agent of that call, and calls go side by side', async () => {
    await using hosted = await host({ a: at('session') });
    const server = await hosted.until('a', healthy);
    const agents = ['ann', 'bob', 'cyd'].map(promptedAgent);
    const calls = agents.flatMap((agent) =>
      [1, 2, 3].map(async (n) => {
        const { text } = await callTool(server, 'ask', { prompt: `${agent.agent} ${n}` }, agent);
        expect(JSON.parse(text).heard).toEqual({ by: agent.agent });
      }),
    );
    await Promise.all(calls);
    for (const { agent, shown } of agents) {
      expect(shown.toSorted()).toEqual([`${agent} 1`, `${agent} 2`, `${agent} 3`]);
    }
  });

  test('beside them, on the stream of the session, asks the agent of the only call, one call at a time', async () => {
    await using hosted = await host({ a: at('session') });
    const server = await hosted.until('a', healthy);
    const [ann, bob] = [promptedAgent('ann'), promptedAgent('bob')] as const;
    const beside = (agent: typeof ann) => callTool(server, 'ask-beside', { prompt: `${agent.agent}’s` }, agent);
    await beside(ann);
    const both = await Promise.all([beside(ann), beside(bob), beside(ann), beside(bob)]);
    expect(both.map(({ text }) => JSON.parse(text).heard.by)).toEqual(['ann', 'bob', 'ann', 'bob']);
    expect(bob.shown).toEqual(['bob’s', 'bob’s']);
    expect(ann.shown).toEqual(['ann’s', 'ann’s', 'ann’s']);
  });

  test('has a session for each agent where it is configured so', async () => {
    await using hosted = await host({ a: at('session', { instances: 'per-agent' }) });
    const server = await hosted.until('a', healthy);
    const how = async (agent: string) => JSON.parse((await callTool(server, 'how', {}, { agent })).text);
    const [ann, bob] = [await how('ann'), await how('bob')];
    expect(ann).not.toBe(bob);
    expect(await how('ann')).toBe(ann);
  });

  test('asks an agent without a session, by its retry', async () => {
    await using hosted = await host({ a: at('session') });
    const server = await hosted.until('a', healthy);
    const era = { era: 'stateless', client: new Set(CLIENT_ABILITIES) } as const;
    const params = { name: 'ask', arguments: { prompt: 'p' } };
    const { requestState, inputRequests } = (await ask(server, 'tools/call', params, era)).result;
    const inputResponses = { [Object.keys(inputRequests)[0] as string]: { by: 'me' } };
    const last = await ask(server, 'tools/call', { ...params, requestState, inputResponses }, era);
    expect(JSON.parse(last.text).heard).toEqual({ by: 'me' });
  });
});

describe('a server at a URL that speaks both eras', () => {
  test('is spoken to by each agent in its own, in one session', async () => {
    await using hosted = await host({ a: at('dual') });
    const server = await hosted.until('a', healthy);
    const ann = promptedAgent('ann');
    const how = async (options: CallOptions) => JSON.parse((await callTool(server, 'how', {}, options)).text);
    expect(await how(MODERN)).toBe('stateless');
    await until(async () => (await how(ann)) === 's1');
    expect(JSON.parse((await callTool(server, 'ask', { prompt: 'p' }, ann)).text).heard).toEqual({ by: 'ann' });
    expect(await how(promptedAgent('bob'))).toBe('s1');
    expect(await how(MODERN)).toBe('stateless');
  });

  test('is spoken to without sessions where it could not ask with one, and asks all the same', async () => {
    await using hosted = await host({ a: at('lone') });
    const server = await hosted.until('a', healthy);
    const ann = promptedAgent('ann');
    for (let n = 0; n < 5; n++) {
      const { text } = await callTool(server, 'ask', { prompt: `${n}` }, ann);
      expect(JSON.parse(text).heard).toEqual({ by: 'ann' });
      expect(JSON.parse((await callTool(server, 'how', {}, ann)).text)).toBe('stateless');
    }
    expect(ann.shown).toEqual(['0', '1', '2', '3', '4']);
  });
});
