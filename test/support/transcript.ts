import { join } from 'node:path';
import type { Message } from './inbox.ts';
import { ROOT } from './process-node.ts';
import type { Wire } from './wire.ts';

export const TRANSCRIPTS = join(ROOT, 'test/fixtures/transcripts');

export interface Exchange {
  readonly send: Message;
  /** Everything the server said until it had answered: related notifications and questions first, in their order. */
  readonly receive: readonly Message[];
}
export interface Transcript {
  readonly server: 'everything' | 'memory' | 'session-fixture';
  readonly transport: 'stdio' | 'http' | 'sse';
  /** The revision that both sides spoke. */
  readonly protocolVersion: string;
  readonly exchanges: readonly Exchange[];
}

/** What a client says when it is asked. */
const ANSWERS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'sampling/createMessage': { role: 'assistant', model: 'recorded', content: { type: 'text', text: 'As recorded.' } },
  'roots/list': { roots: [{ uri: 'file:///recorded', name: 'recorded' }] },
  ping: {},
};
/** What a server says of itself or of others than this call; it may come at any time, or never. */
const ASIDE = new Set(['notifications/tools/list_changed', 'notifications/resources/list_changed']);

/** Says each message, answers what the server asks meanwhile, and writes down all that came. */
export async function converse(wire: Wire, messages: readonly Message[]): Promise<Exchange[]> {
  const exchanges: Exchange[] = [];
  for (const send of messages) {
    await wire.send(send);
    const receive: Message[] = [];
    while (send.id !== undefined) {
      const message = await wire.next();
      const { id, method } = message;
      if (method !== undefined && ASIDE.has(method)) continue;
      receive.push(normal(message));
      if (method === undefined) break;
      if (id !== undefined) await wire.send({ jsonrpc: '2.0', id, result: ANSWERS[method] ?? {} });
    }
    exchanges.push({ send, receive });
  }
  return exchanges;
}

/** A message without what differs from run to run: the ids of the server's own requests, and times. */
function normal(message: Message): Message {
  const { id, method } = message;
  const plain = method === undefined || id === undefined ? message : { ...message, id: 'a question' };
  const text = JSON.stringify(plain)
    .replaceAll(/\d{1,2}:\d\d:\d\d [AP]M/g, 'TIME')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, 'TIME');
  return JSON.parse(text) as Message;
}

const request = (id: number, method: string, params?: Readonly<Record<string, unknown>>): Message => ({
  jsonrpc: '2.0',
  id,
  method,
  ...(params === undefined ? {} : { params }),
});
const tool = (name: string, given: object = {}, meta?: object) =>
  ['tools/call', { name, arguments: given, ...(meta === undefined ? {} : { _meta: meta }) }] as const;

const otter = { name: 'otter', entityType: 'animal', observations: ['swims'] };

/** What is asked of each server, all of it in the revision of 2024-11-05. */
const QUESTIONS: Readonly<
  Record<Transcript['server'], readonly (readonly [method: string, params?: Readonly<Record<string, unknown>>])[]>
> = {
  everything: [
    ['ping'],
    ['tools/list'],
    tool('echo', { message: 'recorded ✓' }),
    tool('get-sum', { a: 2, b: 40 }),
    tool('get-tiny-image'),
    tool('get-annotated-message', { messageType: 'error', includeImage: false }),
    tool('get-structured-content', { location: 'New York' }),
    tool('trigger-long-running-operation', { duration: 0.2, steps: 2 }, { progressToken: 'p-1' }),
    tool('trigger-sampling-request', { prompt: 'recorded', maxTokens: 5 }),
    ['resources/list'],
    ['resources/templates/list'],
    ['resources/read', { uri: 'demo://resource/static/document/features.md' }],
    ['resources/read', { uri: 'demo://resource/dynamic/text/3' }],
    ['prompts/list'],
    ['prompts/get', { name: 'simple-prompt' }],
    ['prompts/get', { name: 'args-prompt', arguments: { city: 'Oslo' } }],
    [
      'completion/complete',
      { ref: { type: 'ref/prompt', name: 'completable-prompt' }, argument: { name: 'department', value: 'E' } },
    ],
  ],
  memory: [
    ['ping'],
    ['tools/list'],
    tool('create_entities', { entities: [otter] }),
    tool('search_nodes', { query: 'swims' }),
    tool('delete_entities', { entityNames: ['otter'] }),
    tool('read_graph'),
    ['resources/list'],
  ],
  'session-fixture': [
    ['ping'],
    ['tools/list'],
    ['logging/setLevel', { level: 'info' }],
    tool('test_tool_with_logging'),
    tool('test_tool_with_progress', {}, { progressToken: 7 }),
    tool('test_sampling', { prompt: 'recorded' }),
    tool('list_roots'),
    tool('test_error_handling'),
    tool('test_multiple_content_types'),
    ['resources/list'],
    ['resources/read', { uri: 'test://template/9/data' }],
    ['resources/read', { uri: 'test://static-binary' }],
    ['prompts/list'],
    ['prompts/get', { name: 'test_prompt_with_arguments', arguments: { arg1: 'a', arg2: 'b' } }],
    [
      'completion/complete',
      { ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' }, argument: { name: 'arg1', value: 'par' } },
    ],
  ],
};

/** The whole conversation with one server, the handshake first. */
export function messagesFor(server: Transcript['server']): Message[] {
  const hello = {
    protocolVersion: '2024-11-05',
    capabilities: { sampling: {}, roots: { listChanged: true } },
    clientInfo: { name: 'recorder', version: '1' },
  };
  return [
    request(0, 'initialize', hello),
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    ...QUESTIONS[server].map(([method, params], at) => request(at + 1, method, params)),
  ];
}
