import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { CliError } from '../exit.ts';

const Kept = z.strictObject({
  key: z.string(),
  seq: z.int().nonnegative(),
  id: z.string().nullable(),
  at: z.int().nonnegative(),
  /** Question → what was committed about it. */
  commits: z.record(z.string(), z.string()),
});
type Kept = z.infer<typeof Kept>;

export interface Signed {
  readonly id: string;
  readonly statement: string;
}

interface Entry {
  readonly id: string;
  readonly seq: number;
  readonly at: number;
  readonly kind: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What a key outside any node has signed: beside the key, so that it never contradicts itself, whatever a node says of its log. */
export class SignedBefore {
  readonly #path: string;
  #kept: Kept;

  private constructor(path: string, kept: Kept) {
    this.#path = path;
    this.#kept = kept;
  }

  /** `known`: where the log ended as others know it. Errors: FILE_UNREADABLE. */
  static async open(
    path: string,
    { key, known }: { readonly key: string; readonly known: { readonly seq: number; readonly id: string | null } },
  ): Promise<SignedBefore> {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw new CliError('FILE_UNREADABLE', `${path} cannot be read`, { cause: error });
    });
    if (text === undefined) return new SignedBefore(path, { key, ...known, at: 0, commits: {} });
    const kept = Kept.safeParse(jsonOf(text));
    if (!kept.success || kept.data.key !== key) {
      throw new CliError('FILE_UNREADABLE', `${path} is not what this key signed before`, {
        hint: 'without it the key could contradict itself: put back the right one',
      });
    }
    return new SignedBefore(path, known.seq > kept.data.seq ? { ...kept.data, ...known } : kept.data);
  }

  next(nowMs: number): { readonly seq: number; readonly prev: string | null; readonly at: number } {
    const { seq, id, at } = this.#kept;
    return { seq: seq + 1, prev: id, at: Math.max(nowMs, at + 1) };
  }

  /** Errors: REFUSED, when it contradicts a commit. */
  add({ id, seq, at, kind, body }: Entry): void {
    const commits = { ...this.#kept.commits };
    if (kind === 'commit') {
      const question = `${body['ratifies'] === true ? 'ratify:' : ''}${String(body['proposal'])}`;
      const before = commits[question];
      if (before !== undefined && before !== body['value']) {
        throw new CliError('REFUSED', `this key has committed to ${before}: a second commit would be proof against it`);
      }
      commits[question] = String(body['value']);
    }
    this.#kept = { ...this.#kept, seq, id, at, commits };
  }

  /** Durable on return. */
  async keep(): Promise<void> {
    const { writePrivateFile } = await import('../../identity/index.ts');
    writePrivateFile(this.#path, `${JSON.stringify(this.#kept)}\n`);
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
