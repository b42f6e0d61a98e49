import {
  type ClientAnswer,
  type ClientQuestion,
  ERRORS,
  type ErrorName,
  readAnswer,
  readQuestion,
} from '../../src/mcp/index.ts';
import { WireError } from '../wire/index.ts';
import { LIMITS } from './schema.ts';

export const QUESTION_HEAD_BYTES = 4;
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

type Settle = (answer: ClientAnswer) => void;

/** The serving side of one call: what it asked and has not heard yet. */
export class AskedQuestions {
  readonly #open = new Map<number, Settle>();
  #lastId = 0;

  get full(): boolean {
    return this.#open.size >= LIMITS.maxQuestions;
  }

  /** Resolves with the answer; with an error once `signal` aborts, which `withdraw` is told. */
  add(
    signal: AbortSignal,
    options: { send: (id: number) => void; withdraw: (id: number) => void },
  ): Promise<ClientAnswer> {
    const id = (this.#lastId = (this.#lastId + 1) >>> 0);
    return new Promise((resolve) => {
      const aborted = (): void => {
        settle(WITHDRAWN);
        options.withdraw(id);
      };
      const settle = (answer: ClientAnswer): void => {
        this.#open.delete(id);
        signal.removeEventListener('abort', aborted);
        resolve(answer);
      };
      this.#open.set(id, settle);
      signal.addEventListener('abort', aborted, { once: true });
      options.send(id);
    });
  }

  /** To what was never asked, or is answered already, it is no answer. */
  answered(id: number, answer: ClientAnswer): void {
    this.#open.get(id)?.(answer);
  }

  /** The call is over. */
  close(): void {
    for (const settle of [...this.#open.values()]) settle(WITHDRAWN);
  }
}

/** The asking side of one call: what its server wants to know and was not told yet. */
export class OpenQuestions {
  readonly #open = new Map<number, AbortController>();

  get full(): boolean {
    return this.#open.size >= LIMITS.maxQuestions;
  }

  /** Takes `id` in; the signal says that nobody wants the answer any more. Throws WireError when it is open already. */
  begin(id: number): AbortSignal {
    if (this.#open.has(id)) throw new WireError('WIRE_MALFORMED', 'a question that is open already');
    const controller = new AbortController();
    this.#open.set(id, controller);
    return controller.signal;
  }

  /** Whether the answer to `id` is still wanted; it is given with this. */
  finish(id: number): boolean {
    return this.#open.delete(id);
  }

  withdraw(id: number): void {
    const controller = this.#open.get(id);
    this.#open.delete(id);
    controller?.abort('withdrawn');
  }

  close(): void {
    for (const id of [...this.#open.keys()]) this.withdraw(id);
  }
}

/** The id before a question or answer. Throws WireError. */
export function readQuestionId(bytes: Buffer, start: number, end: number): number {
  if (end - start < QUESTION_HEAD_BYTES) throw new WireError('WIRE_MALFORMED', 'a question without an id');
  return bytes.readUInt32BE(start);
}

export function questionHead(id: number): Buffer {
  const head = Buffer.allocUnsafe(QUESTION_HEAD_BYTES);
  head.writeUInt32BE(id);
  return head;
}

/** undefined when it is no question, or no valid UTF-8. */
export function decodeQuestion(bytes: Buffer, start: number, end: number): ClientQuestion | undefined {
  return readQuestion(parse(bytes, start + QUESTION_HEAD_BYTES, end));
}

/** An answer that is none is an error too: whoever asked must not wait for ever. */
export function decodeAnswer(bytes: Buffer, start: number, end: number): ClientAnswer {
  return readAnswer(parse(bytes, start + QUESTION_HEAD_BYTES, end)) ?? refusal('INTERNAL_ERROR', 'a malformed answer');
}

/** undefined when it is too large, or nested too deeply to be written. */
export function encode(value: ClientQuestion | ClientAnswer, maxBytes: number): Buffer | undefined {
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch {
    return undefined;
  }
  const body = Buffer.from(text);
  return body.length + QUESTION_HEAD_BYTES > maxBytes ? undefined : body;
}

export function refusal(name: ErrorName, message: string): ClientAnswer {
  return { error: { code: ERRORS[name].code, message } };
}

const WITHDRAWN = refusal('INTERNAL_ERROR', 'the call ended before its client answered');

function parse(bytes: Buffer, start: number, end: number): unknown {
  try {
    return JSON.parse(strict.decode(bytes.subarray(start, end)));
  } catch {
    return undefined;
  }
}
