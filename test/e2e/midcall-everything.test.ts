import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { ServerConfig } from '../../node/config/schema.ts';
import { CLIENT_ABILITIES, type ClientQuestion } from '../../src/mcp/index.ts';
import { ask, type CallOptions, callTool, healthy, host } from '../support/hosting.ts';

const EVERYTHING = createRequire(import.meta.url).resolve('@modelcontextprotocol/server-everything/dist/index.js');
const everything = (more: Record<string, unknown> = {}) =>
  ServerConfig.parse({ command: process.execPath, args: [EVERYTHING, 'stdio'], ...more });

/** An agent's client that can do everything, and what it was asked. */
function client(text: string): CallOptions & { readonly asked: ClientQuestion[] } {
  const asked: ClientQuestion[] = [];
  return {
    asked,
    client: new Set(CLIENT_ABILITIES),
    answers: (question) => {
      asked.push(question);
      if (question.method === 'elicitation/create') return { result: { action: 'accept', content: { name: text } } };
      return { result: { role: 'assistant', model: 'm', content: { type: 'text', text } } };
    },
  };
}

describe('the reference server, which asks in the midst of a call', () => {
  test('samples and elicits at an agent with a session', async () => {
    await using hosted = await host({ e: everything() });
    const server = await hosted.until('e', healthy);
    const sage = client('forty-two');
    const sampled = await callTool(server, 'trigger-sampling-request', { prompt: 'why?', maxTokens: 5 }, sage);
    expect(sampled.text).toContain('forty-two');
    const elicited = await callTool(server, 'trigger-elicitation-request', {}, sage);
    expect(JSON.stringify(elicited.result)).toContain('forty-two');
    expect(sage.asked.map(({ method }) => method)).toEqual(['sampling/createMessage', 'elicitation/create']);
    expect(JSON.stringify(sage.asked[0])).toContain('why?');
  });

  test('tells an agent whose client cannot be asked that it cannot', async () => {
    await using hosted = await host({ e: everything() });
    const server = await hosted.until('e', healthy);
    const { result, error } = await callTool(server, 'trigger-sampling-request', { prompt: 'why?', maxTokens: 5 });
    expect(error ?? result.isError).toBeTruthy();
  });

  test('samples at an agent without a session by its answer and the retry', async () => {
    await using hosted = await host({ e: everything() });
    const server = await hosted.until('e', healthy);
    const era = { era: 'stateless', client: new Set(CLIENT_ABILITIES) } as const;
    const params = { name: 'trigger-sampling-request', arguments: { prompt: 'why?', maxTokens: 5 } };
    const first = await ask(server, 'tools/call', params, era);
    expect(first.result.resultType).toBe('input_required');
    const [key, question] = Object.entries(first.result.inputRequests)[0] as [string, ClientQuestion];
    expect(question.method).toBe('sampling/createMessage');
    const answer = { role: 'assistant', model: 'm', content: { type: 'text', text: 'forty-two' } };
    const retry = { ...params, requestState: first.result.requestState, inputResponses: { [key]: answer } };
    const second = await ask(server, 'tools/call', retry, era);
    expect(second.result.resultType).toBe('complete');
    expect(second.text).toContain('forty-two');
    const again = await ask(server, 'tools/call', retry, era);
    expect(again.error.code).toBe(-32602);
  });

  test('sends an agent without a session to a URL, and takes its call again', async () => {
    await using hosted = await host({ e: everything() });
    const server = await hosted.until('e', healthy);
    const era = { era: 'stateless', client: new Set(CLIENT_ABILITIES) } as const;
    const params = { name: 'trigger-url-elicitation', arguments: { url: 'https://example.org/form', errorPath: true } };
    const first = await ask(server, 'tools/call', params, era);
    const [key] = Object.keys(first.result.inputRequests) as [string];
    expect(first.result.inputRequests[key].params).toMatchObject({ mode: 'url' });
    // The retry asks by the request path.
    const second = await ask(server, 'tools/call', { ...params, inputResponses: { [key]: { action: 'accept' } } }, era);
    const [again] = Object.keys(second.result.inputRequests) as [string];
    const inputResponses = { [again]: { action: 'accept' } };
    const { requestState } = second.result;
    const third = await ask(server, 'tools/call', { ...params, requestState, inputResponses }, era);
    expect(third.text).toContain('User completed the URL elicitation flow');
  });

  test('logs to the agent whose call it is, from the level it asked for', async () => {
    await using hosted = await host({ e: everything() });
    const server = await hosted.until('e', healthy);
    const related: Record<string, unknown>[] = [];
    const call = callTool(
      server,
      'trigger-long-running-operation',
      { duration: 1, steps: 2 },
      {
        progressToken: 'p',
        logLevel: 'debug',
        onRelated: (message) => related.push(message),
      },
    );
    await call;
    expect(related.filter(({ method }) => method === 'notifications/progress')).toHaveLength(2);
  });
});
