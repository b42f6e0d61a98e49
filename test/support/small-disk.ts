import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MOUNT = 'mount -t tmpfs -o "size=$1,mode=700" tmpfs "$2" && echo mounted && exec cat';
const BLOCK = Buffer.alloc(4096, 1);

/** Why no disk can be made here; undefined: it can. */
export function whyNoSmallDisk(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root, to mount a file system';
  const folder = mkdtempSync(join(tmpdir(), 'village-mount-'));
  const tried = spawnSync('unshare', ['-m', 'sh', '-c', MOUNT, 'sh', '64k', folder], { input: '', timeout: 5_000 });
  rmSync(folder, { recursive: true, force: true });
  return tried.status === 0 ? undefined : 'may not mount a file system here';
}

/** A file system of its own size, which really is full when it is full. It is gone with its process. */
export class SmallDisk {
  /** Where it is, for every process of this user. */
  readonly path: string;
  readonly #keeper: ChildProcess;
  readonly #folder: string;

  private constructor(keeper: ChildProcess, folder: string) {
    this.#keeper = keeper;
    this.#folder = folder;
    this.path = `/proc/${keeper.pid}/root${folder}`;
  }

  static async make(mebibytes: number): Promise<SmallDisk> {
    const folder = mkdtempSync(join(tmpdir(), 'village-disk-'));
    const keeper = spawn('unshare', ['-m', 'sh', '-c', MOUNT, 'sh', `${mebibytes}m`, folder], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(keeper.stdout, 'data', { signal: AbortSignal.timeout(5_000) });
    return new SmallDisk(keeper, folder);
  }

  /** Takes all that is free, but so many bytes. */
  fill({ leaving = 0 }: { readonly leaving?: number } = {}): void {
    const file = openSync(this.#filler, 'w');
    let bytes = 0;
    try {
      for (;;) bytes += writeSync(file, BLOCK);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
    } finally {
      closeSync(file);
    }
    truncateSync(this.#filler, Math.max(0, bytes - leaving));
  }

  free(): void {
    rmSync(this.#filler);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.#keeper, 'close');
    this.#keeper.kill('SIGKILL');
    await gone;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #filler(): string {
    return join(this.path, 'filler');
  }
}
