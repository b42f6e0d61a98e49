import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '../../../src/kernel/index.ts';
import type { ModuleFile, ShardStart } from './port.ts';
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

  /**
   * Copies the module of a shard into its folder; answers where it lies. Errors: RunnerError RUNNER_TAMPERED when its bytes are not
   * those of its digest, RUNNER_FAILED when it cannot be read.
   */
  async place({ path, digest }: ModuleFile, folder: string): Promise<string> {
    const bytes = await readFile(path).catch((cause: unknown) => {
      throw new RunnerError('RUNNER_FAILED', 'its module is not where it was', { cause });
    });
    if (sha256Hex(bytes) !== digest) throw new RunnerError('RUNNER_TAMPERED', 'its module is not what it was');
    const placed = join(folder, 'module.mjs');
    await writeFile(placed, bytes, { mode: 0o400 });
    return placed;
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
