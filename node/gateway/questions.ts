import {
  type ClientAbilities,
  ERRORS,
  type ErrorName,
  notificationText,
  type RpcResponse,
  unaskable,
} from '../../src/mcp/index.ts';
import type { ClientAnswer, ClientQuestion } from '../backends/backend.ts';

const MAX_OPEN = 64;

/** What servers ask of one session's client, until it answers. */
export class Questions {
  readonly #open = new Map<string, (answer: ClientAnswer) => void>();
  #asked = 0;

  get size(): number {
    return this.#open.size;
  }

  /** Asks by `send`, which says whether the client can still hear it. Resolves with an error where no answer comes before `signal` aborts. */
  ask(
    question: ClientQuestion,
    options: { abilities: ClientAbilities; signal: AbortSignal; send: (message: Uint8Array) => boolean },
  ): Promise<ClientAnswer> {
    const { abilities, signal, send } = options;
    const error = unaskable(question, abilities);
    if (error !== undefined) return Promise.resolve({ error });
    if (signal.aborted) return Promise.resolve(WITHDRAWN);
    if (this.#open.size >= MAX_OPEN) return Promise.resolve(no('RATE_LIMITED', 'too many questions are open'));
    this.#asked += 1;
    const id = `v:${this.#asked}`;
    const { method, params } = question;
    if (!send(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, method, params })))) return Promise.resolve(GONE);
    return new Promise((resolve) => {
      const withdraw = (): void => {
        settle(WITHDRAWN);
        send(Buffer.from(notificationText('notifications/cancelled', { requestId: id })));
      };
      const settle = (answer: ClientAnswer): void => {
        this.#open.delete(id);
        signal.removeEventListener('abort', withdraw);
        resolve(answer);
      };
      this.#open.set(id, settle);
      signal.addEventListener('abort', withdraw, { once: true });
    });
  }

  /** The client's answer. To what was never asked, or is answered already, it is none. */
  answered(response: RpcResponse): void {
    if (typeof response.id !== 'string') return;
    this.#open.get(response.id)?.('result' in response ? { result: response.result } : { error: response.error });
  }

  /** The client is gone. */
  close(): void {
    for (const settle of [...this.#open.values()]) settle(GONE);
  }
}

function no(name: ErrorName, message: string): ClientAnswer {
  return { error: { code: ERRORS[name].code, message } };
}
const WITHDRAWN = no('DEADLINE_EXCEEDED', 'the client was not waited for any longer');
const GONE = no('INTERNAL_ERROR', 'the client is gone');
