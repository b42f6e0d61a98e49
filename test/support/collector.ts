import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly flags?: number;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly status?: { readonly code?: number };
}

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

type Answer = (response: ServerResponse, nth: number) => void;

const TAKEN: Answer = (response) =>
  void response.writeHead(200, { 'content-type': 'application/json' }).end('{"partialSuccess":{}}');

/** An OpenTelemetry collector as the specification has it: it takes what is right, answers 400 to what is not, and keeps all of it. */
export class Collector {
  readonly received: Received[] = [];
  /** What was wrong with what came. */
  readonly problems: string[] = [];
  answer: Answer = TAKEN;
  endpoint = '';
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        const { method = '', url = '', headers } = request;
        const got = { method, url, headers, body: Buffer.concat(pieces).toString('utf8') };
        this.received.push(got);
        const wrong = problemsOf(got);
        this.problems.push(...wrong);
        if (wrong.length > 0) response.writeHead(400).end();
        else this.answer(response, this.received.length);
      });
    });
  }

  static async listen(port = 0): Promise<Collector> {
    const collector = new Collector();
    await new Promise<void>((resolve) => collector.#server.listen(port, '127.0.0.1', resolve));
    collector.endpoint = `http://127.0.0.1:${(collector.#server.address() as AddressInfo).port}`;
    return collector;
  }

  get spans(): readonly ReceivedSpan[] {
    return this.received.flatMap(({ body }) => spansIn(JSON.parse(body) as Exported));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

export function attributesOf({ attributes }: Pick<ReceivedSpan, 'attributes'>): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

interface Exported {
  readonly resourceSpans: readonly {
    readonly resource: Pick<ReceivedSpan, 'attributes'>;
    readonly scopeSpans: readonly { readonly spans: readonly ReceivedSpan[] }[];
  }[];
}

function spansIn({ resourceSpans }: Exported): ReceivedSpan[] {
  return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
}

/**
 * What of a request is against OTLP 1.x over HTTP with JSON: the request line, lowerCamelCase names of the protobuf messages and no others,
 * trace and span ids as hex of the right length, 64-bit numbers as decimal text, enums as numbers, one value in an AnyValue.
 */
function problemsOf({ method, url, headers, body }: Received): string[] {
  const wrong: string[] = [];
  const check = (holds: boolean, what: string): void => void (holds || wrong.push(what));
  check(method === 'POST' && url === '/v1/traces', `${method} ${url}`);
  check(headers['content-type'] === 'application/json', `content-type ${headers['content-type']}`);
  const only = (of: object, names: readonly string[], where: string): void =>
    check(
      Object.keys(of).every((name) => names.includes(name)),
      `${where} has ${Object.keys(of).join()}`,
    );
  const attributes = (list: ReceivedSpan['attributes'], where: string): void => {
    check(Array.isArray(list), `${where}: attributes`);
    check(new Set(list.map(({ key }) => key)).size === list.length, `${where}: a key twice`);
    for (const one of list) {
      only(one, ['key', 'value'], where);
      const [[kind, value] = [], more] = Object.entries(one.value);
      check(more === undefined, `${where}: ${one.key} has more than one value`);
      if (kind === 'stringValue') check(typeof value === 'string', `${where}: ${one.key}`);
      else if (kind === 'intValue') check(typeof value === 'string' && /^-?\d+$/.test(value), `${where}: ${one.key}`);
      else if (kind === 'boolValue') check(typeof value === 'boolean', `${where}: ${one.key}`);
      else check(kind === 'doubleValue' && typeof value === 'number', `${where}: ${one.key} is a ${kind}`);
    }
  };
  try {
    const said = JSON.parse(body) as Exported;
    only(said, ['resourceSpans'], 'the request');
    for (const each of said.resourceSpans) {
      only(each, ['resource', 'scopeSpans', 'schemaUrl'], 'ResourceSpans');
      only(each.resource, ['attributes', 'droppedAttributesCount'], 'Resource');
      attributes(each.resource.attributes, 'Resource');
      check(attributesOf(each.resource)['service.name'] === 'village', 'service.name');
      for (const scoped of each.scopeSpans) only(scoped, ['scope', 'spans', 'schemaUrl'], 'ScopeSpans');
    }
    for (const span of spansIn(said)) {
      only(
        span,
        [
          ...['traceId', 'spanId', 'traceState', 'parentSpanId', 'flags', 'name', 'kind', 'startTimeUnixNano'],
          ...['endTimeUnixNano', 'attributes', 'droppedAttributesCount', 'events', 'links', 'status'],
        ],
        'Span',
      );
      const { traceId, spanId, parentSpanId, flags = 0, name, kind, startTimeUnixNano, endTimeUnixNano, status } = span;
      check(/^[0-9a-f]{32}$/.test(traceId) && !/^0+$/.test(traceId), `traceId ${traceId}`);
      check(/^[0-9a-f]{16}$/.test(spanId) && !/^0+$/.test(spanId), `spanId ${spanId}`);
      check(parentSpanId === undefined || /^[0-9a-f]{16}$/.test(parentSpanId), `parentSpanId ${parentSpanId}`);
      check(Number.isInteger(flags) && flags >= 0 && flags < 2 ** 32, `flags ${flags}`);
      check(typeof name === 'string' && name !== '', 'a name');
      check([0, 1, 2, 3, 4, 5].includes(kind), `kind ${kind}`);
      check(/^\d{19}$/.test(startTimeUnixNano) && /^\d{19}$/.test(endTimeUnixNano), `times ${startTimeUnixNano}`);
      check(BigInt(endTimeUnixNano) >= BigInt(startTimeUnixNano), 'it ends before it begins');
      attributes(span.attributes, 'Span');
      if (status !== undefined) only(status, ['code', 'message'], 'Status');
      check([undefined, 0, 1, 2].includes(status?.code), `status ${status?.code}`);
    }
  } catch (error) {
    wrong.push(String(error));
  }
  return wrong;
}
