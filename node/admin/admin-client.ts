import { type IncomingMessage, request } from 'node:http';
import { z } from 'zod';
import { AdminError, VerbError } from './admin-error.ts';
import type { Answers } from './answers.ts';
import type { RunFile } from './run-file.ts';
import type { StreamInput, StreamName, VerbInput, VerbName } from './verbs.ts';

const Failure = z.object({ error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }) });
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Speaks to the running node of a data folder. Errors: VerbError with the node's code; AdminError when it cannot be asked. */
export class AdminClient {
  readonly #origin: string;
  readonly #secret: string;

  constructor(run: Pick<RunFile, 'admin' | 'secret'>) {
    this.#origin = run.admin;
    this.#secret = run.secret;
  }

  async call<Verb extends VerbName>(
    verb: Verb,
    input: VerbInput<Verb>,
    options: { signal: AbortSignal },
  ): Promise<Answers[Verb]> {
    const response = await this.#post(verb, input, options.signal);
    const answer = parsed(await wholeText(response, options.signal));
    if (response.statusCode !== 200) throw failureOf(answer);
    return answer as Answers[Verb];
  }

  async *stream<Stream extends StreamName>(
    name: Stream,
    input: StreamInput<Stream>,
    options: { signal: AbortSignal },
  ): AsyncGenerator<object> {
    const response = await this.#post(name, input, options.signal);
    if (response.statusCode !== 200) throw failureOf(parsed(await wholeText(response, options.signal)));
    try {
      for await (const line of linesOf(response)) {
        const item = parsed(line);
        if (Failure.safeParse(item).success) throw failureOf(item);
        yield item as object;
      }
    } finally {
      response.destroy(); // a reader that leaves early lets the node stop
    }
    if (!response.complete) throw silent();
  }

  // No keep-alive: a command line tool that is done should end.
  #post(path: string, input: object, signal: AbortSignal): Promise<IncomingMessage> {
    const body = JSON.stringify(input);
    const headers = {
      authorization: `Bearer ${this.#secret}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    return new Promise((resolve, reject) => {
      const asking = request(
        new URL(`/admin/${path}`, this.#origin),
        { method: 'POST', agent: false, headers, signal },
        resolve,
      );
      asking.on('error', (error) => reject(silent(error)));
      asking.end(body);
    });
  }
}

/** Ends at line feeds alone: what an agent called a tool may hold what else ends lines (U+2028), and JSON leaves that as it is. */
async function* linesOf(response: IncomingMessage): AsyncGenerator<string, void> {
  let rest = '';
  try {
    for await (const text of response.setEncoding('utf8') as AsyncIterable<string>) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
      if (rest.length > MAX_ANSWER_BYTES) throw tooMuch();
    }
  } catch (error) {
    throw error instanceof AdminError ? error : silent(error);
  }
  if (rest !== '') yield rest;
}

async function wholeText(response: IncomingMessage, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response) {
      bytes += (chunk as Buffer).length;
      if (bytes > MAX_ANSWER_BYTES) throw tooMuch();
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    throw error instanceof AdminError ? error : silent(signal.aborted ? signal.reason : error);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function tooMuch(): AdminError {
  return new AdminError('BAD_ANSWER', `the node answered more than ${MAX_ANSWER_BYTES} bytes`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AdminError('BAD_ANSWER', 'what answers on the admin address is not this node', { cause: error });
  }
}

function failureOf(answer: unknown): Error {
  const failure = Failure.safeParse(answer);
  if (!failure.success) return new AdminError('BAD_ANSWER', 'what answers on the admin address is not this node');
  const { code, message, hint } = failure.data.error;
  return new VerbError(code, message, hint === undefined ? {} : { hint });
}

function silent(cause?: unknown): AdminError {
  return new AdminError('NODE_SILENT', 'the node stopped answering', {
    cause,
    hint: 'look at its log, or run `village doctor`',
  });
}
