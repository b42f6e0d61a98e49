import { initialize, JSON_TYPE, stateless } from './echo-gateway.ts';
import { type Reply, send } from './http.ts';

type Headers = Readonly<Record<string, string>>;

/** The HTTP face of a running node, for messages and headers that no client of ours would send. */
export class VillageFace {
  readonly #gateway: string;
  readonly #authorization: Headers;

  constructor(gateway: string, token: string) {
    this.#gateway = gateway;
    this.#authorization = { Authorization: `Bearer ${token}` };
  }

  bare(asked: { method?: string; path?: string; headers?: Headers; body?: string }): Promise<Reply> {
    const { path = '/mcp', ...rest } = asked;
    return send(new URL(path, this.#gateway).href, { ...rest, headers: { ...this.#authorization, ...asked.headers } });
  }

  /** `body` is sent as it is where it is text, as JSON otherwise. */
  post(body: unknown, headers: Headers = {}, path = '/mcp'): Promise<Reply> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return this.bare({ method: 'POST', path, headers: { ...JSON_TYPE, ...headers }, body: text });
  }

  /** The header of a new session. */
  async openSession(version: string): Promise<Headers> {
    const opened = await this.post(initialize(version));
    return { 'Mcp-Session-Id': String(opened.headers['mcp-session-id']) };
  }

  /** A request of 2026-07-28, with changes to its headers; undefined takes one away. */
  alone(
    method: string,
    params: Record<string, unknown> = {},
    change: Readonly<Record<string, string | undefined>> = {},
  ): Promise<Reply> {
    const [message, { headers }] = stateless(1, method, params);
    const given = Object.entries({ ...headers, ...change });
    return this.post(
      message,
      Object.fromEntries(given.filter((entry): entry is [string, string] => entry[1] !== undefined)),
    );
  }
}
