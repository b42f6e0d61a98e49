import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { MARK } from './environment.ts';
import { bootId, killMarked, signalGroup, startTicks } from './processes.ts';

const POLL_MS = 20;
const DEATH_MS = 5_000;

const Children = z.strictObject({
  run: z.string().regex(/^[0-9a-f]{16,}$/),
  boot: z.string(),
  groups: z.array(z.strictObject({ pid: z.int().min(2), start: z.string() })),
});
type Children = z.infer<typeof Children>;

export interface ChildrenFileOptions {
  /** Default `children.json`. */
  readonly name?: string | undefined;
  /** The environment variable that marks descendants. Default VILLAGE_CHILD. */
  readonly variable?: string | undefined;
}

/** `children.json`: which process groups this run started, for the next run to end what the guard could not. */
export class ChildrenFile {
  readonly #folder: string;
  readonly #run: string;
  readonly #name: string;
  readonly #variable: string;
  readonly #groups = new Map<number, string>();
  #boot = '';
  #writing: Promise<void> = Promise.resolve();

  constructor(folder: string, run: string, { name = 'children.json', variable = MARK }: ChildrenFileOptions = {}) {
    this.#folder = folder;
    this.#run = run;
    this.#name = name;
    this.#variable = variable;
  }

  /** Ends what an earlier run left behind; answers how many processes and groups that were. */
  async sweep(): Promise<number> {
    this.#boot = (await bootId()) ?? '';
    const left = await this.#read();
    let ended = 0;
    if (left !== undefined && this.#boot !== '' && left.boot === this.#boot) {
      for (const { pid, start } of left.groups) {
        // The leader's own start time shows that the pid was not given to a stranger meanwhile.
        if ((await startTicks(pid)) === start && signalGroup(pid, 'SIGKILL')) ended++;
      }
      const mark = `${left.run}.`;
      ended += await killMarked(mark, this.#variable);
      // Killed is not yet dead, and others are told that it is.
      for (let waited = 0; waited < DEATH_MS && (await killMarked(mark, this.#variable)) > 0; waited += POLL_MS) {
        await delay(POLL_MS);
      }
    }
    await this.#write();
    return ended;
  }

  /** Resolves when the group is on file: before its program may begin. */
  async add(pid: number): Promise<void> {
    this.#groups.set(pid, (await startTicks(pid)) ?? '');
    await this.#write();
  }

  async remove(pid: number): Promise<void> {
    if (this.#groups.delete(pid)) await this.#write();
  }

  async #read(): Promise<Children | undefined> {
    try {
      return Children.parse(JSON.parse(await readFile(join(this.#folder, this.#name), 'utf8')));
    } catch {
      return undefined; // the first start, or a file that says nothing we could act on
    }
  }

  #write(): Promise<void> {
    const next = this.#writing.then(async () => {
      const groups = [...this.#groups].map(([pid, start]) => ({ pid, start }));
      const path = join(this.#folder, this.#name);
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await writeFile(`${path}.new`, JSON.stringify({ run: this.#run, boot: this.#boot, groups }), { mode: 0o600 });
      await rename(`${path}.new`, path);
    });
    this.#writing = next.catch(() => undefined);
    return next;
  }

  async delete(): Promise<void> {
    await this.#writing;
    await rm(join(this.#folder, this.#name), { force: true });
  }
}
