import { sha256Hex, utf8 } from '../../src/kernel/index.ts';
import type { Statement } from '../../src/governance/index.ts';
import type { Store, WriteOptions } from '../storage/index.ts';

const PREFIX = 'log/';
const SEQ_DIGITS = 16;

/**
 * The voters' logs on disk. Each statement lies under its signer's key, number and id, beside the hash of the whole token: what we wrote
 * ourselves is known again by its hashes, without verifying every signature at every start.
 */
export class StatementStore {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async put(statement: Pick<Statement, 'id' | 'kid' | 'token' | 'payload'>, options: WriteOptions = {}): Promise<void> {
    const { id, kid, token, payload } = statement;
    const key = `${PREFIX}${kid}/${String(payload.seq).padStart(SEQ_DIGITS, '0')}/${id}`;
    await this.#store.put(key, utf8(sha256Hex(token) + token), options);
  }

  /** The end of a key's log; undefined: it has signed nothing that is here. */
  async last(kid: string): Promise<{ readonly seq: number; readonly id: string } | undefined> {
    const range = { gte: `${PREFIX}${kid}/`, lt: `${PREFIX}${kid}/~`, reverse: true, limit: 1 };
    for await (const [key] of this.#store.entries(range)) {
      const [, , seq = '', id = ''] = key.split('/');
      return { seq: Number(seq), id };
    }
    return undefined;
  }

  /** Every statement whose bytes are still those that were written; `damaged` is told of the others. */
  async *load(damaged: (key: string) => void): AsyncIterable<{ readonly id: string; readonly token: string }> {
    for await (const [key, bytes] of this.#store.entries({ gte: PREFIX, lt: `${PREFIX}~` })) {
      const id = key.slice(key.lastIndexOf('/') + 1);
      const whole = Buffer.from(bytes).toString('latin1');
      const token = whole.slice(64);
      const sound = sha256Hex(token) === whole.slice(0, 64) && sha256Hex(token.slice(0, token.lastIndexOf('.'))) === id;
      if (sound) yield { id, token };
      else damaged(key);
    }
  }
}
