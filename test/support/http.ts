import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The parsed body; its shape is what the test then asserts. */
  readonly json: any;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** One HTTP exchange on a connection of its own, with any header a hostile client might send. */
export async function send(url: string, asked: Asked = {}): Promise<Reply> {
  const res = await open(url, asked);
  const chunks: Buffer[] = [];
  for await (const chunk of res) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const isJson = res.headers['content-type'] === 'application/json';
  return { status: res.statusCode ?? 0, headers: res.headers, text, json: isJson ? JSON.parse(text) : undefined };
}

/** As `send`, but hands over the response as soon as its head is there. It asks for a connection that is kept, as agents do. */
export function open(url: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const req = request(url, { method, headers: { Connection: 'keep-alive', ...headers }, agent: false }, resolve);
    req.on('error', reject);
    req.end(body);
  });
}

/** Sends a request whose client can be made to vanish before the answer comes. */
export function sendAndVanish(url: string, { method = 'POST', headers = {}, body }: Asked): () => void {
  const req = request(url, { method, headers, agent: false });
  req.on('error', () => {}); // it is cut on purpose
  req.end(body);
  return () => req.destroy();
}

export interface ServerEvent {
  readonly event: string;
  readonly data: string;
  readonly id: string | undefined;
}

/** The messages of an event stream, one after the other. Ends with the stream. */
export async function* events(res: IncomingMessage): AsyncGenerator<ServerEvent> {
  for await (const event of allEvents(res)) if (event.data !== '') yield event;
}

/** As `events`, with those that carry no data. */
export async function* allEvents(res: IncomingMessage): AsyncGenerator<ServerEvent> {
  let text = '';
  for await (const chunk of res) {
    text += String(chunk);
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n');
      text = text.slice(end + 2);
      const field = (name: string): string | undefined =>
        lines.find((line) => line.startsWith(name))?.slice(name.length);
      const data = field('data: ');
      if (data !== undefined) yield { event: field('event: ') ?? 'message', data, id: field('id: ') };
    }
  }
}
