import { type Agent, request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly session: string | null;
  /** When its last bytes were taken from the socket, Unix milliseconds: they were sent before. */
  readonly readMs: number;
}

/** Posts one JSON text. Rejects with TimeoutError after `withinMs`, and with what the socket says when it breaks. */
export function exchange(
  url: string,
  options: {
    readonly body: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly connections: Agent;
    readonly withinMs: number;
  },
): Promise<Answer> {
  const { body, headers, connections: agent, withinMs } = options;
  const signal = AbortSignal.timeout(withinMs);
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(signal.aborted ? (signal.reason as Error) : error);
    const sent = request(url, { method: 'POST', headers, agent, signal }, (response) => {
      const session = response.headers['mcp-session-id']?.toString() ?? null;
      let text = '';
      let readMs = Date.now();
      response.setEncoding('utf8').on('data', (chunk: string) => {
        readMs = Date.now();
        text += chunk;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text, session, readMs }));
      response.once('error', failed);
    });
    sent.once('error', failed);
    sent.end(body);
  });
}
