import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ShardStart } from './port.ts';
import { RunnerError } from './runner-error.ts';

const MAX_INPUT_BYTES = 256 * 1024;

/** Folders in which shards of this node run, one for each placement, gone with it. */
export class ShardFolders {
  readonly #root: string;

  constructor(runFolder: string) {
    this.#root = join(runFolder, 'shards');
  }

  /** Makes the folder of a placement with its input in it. Errors: RunnerError RUNNER_INVALID. */
  async make({ placementId, input = {} }: Pick<ShardStart, 'placementId' | 'input'>): Promise<string> {
    const text = JSON.stringify(input);
    if (Buffer.byteLength(text) > MAX_INPUT_BYTES) {
      throw new RunnerError('RUNNER_INVALID', `the shard’s input is over ${MAX_INPUT_BYTES} bytes`);
    }
    const folder = join(this.#root, placementId);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(join(folder, 'input.json'), text, { mode: 0o600 });
    return folder;
  }

  async remove(folder: string): Promise<void> {
    // What stays behind is swept at the next start.
    await rm(folder, { recursive: true, force: true, maxRetries: 2 }).catch(() => undefined);
  }

  /** No shard of this node may run. */
  async clear(): Promise<void> {
    await this.remove(this.#root);
  }
}
