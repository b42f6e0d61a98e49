import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { runningSha256 } from '../../../src/kernel/index.ts';
import type { ModuleSink, ShelvedModule } from '../../../protocols/fog-blob/index.ts';

const MAX_BYTES = 256 * 1024 * 1024;
const MODULE = /^([0-9a-f]{64})\.mjs$/;

/** A module on its way into the cache: nobody sees it before `keep`. */
export interface Incoming extends ModuleSink {
  /** Durable and visible from here on. */
  keep(): Promise<void>;
  drop(): Promise<void>;
}

/** Modules and their manifests on disk, by digest; the least recently used go when there are too many bytes. */
export class ModuleCache {
  readonly #folder: string;
  readonly #maxBytes: number;
  #number = 0;

  constructor(folder: string, options: { readonly maxBytes?: number } = {}) {
    this.#folder = folder;
    this.#maxBytes = options.maxBytes ?? MAX_BYTES;
  }

  /** Removes what was half written when the node ended; call before anything else. */
  async open(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.#folder)) {
      if (name.endsWith('.part')) await rm(join(this.#folder, name), { force: true });
    }
  }

  async digests(): Promise<readonly string[]> {
    const names = await readdir(this.#folder).catch(() => []);
    return names.flatMap((name) => MODULE.exec(name)?.[1] ?? []);
  }

  async manifest(digest: string): Promise<string | undefined> {
    return readFile(this.#manifestPath(digest), 'utf8').catch(() => undefined);
  }

  /** Where the module lies, its bytes hashed just now and its time of use noted; undefined: not here, or no longer what it was. */
  async verified(digest: string): Promise<string | undefined> {
    const path = this.#path(digest);
    const hash = runningSha256();
    try {
      for await (const piece of createReadStream(path)) hash.add(piece as Uint8Array);
    } catch {
      return undefined;
    }
    if (hash.hex() !== digest) {
      await this.remove(digest);
      return undefined;
    }
    const now = new Date();
    await utimes(path, now, now).catch(() => undefined);
    return path;
  }

  async shelved(digest: string): Promise<ShelvedModule | undefined> {
    const manifest = await this.manifest(digest);
    const path = await this.verified(digest);
    if (manifest === undefined || path === undefined) return undefined;
    const { size } = await stat(path);
    return { manifest, bytes: size, read: () => createReadStream(path) };
  }

  /** Begins to take in a module; room for it is made when it is kept. */
  async receive(digest: string, options: { readonly manifest: string; readonly bytes: number }): Promise<Incoming> {
    const part = join(this.#folder, `${digest}.${++this.#number}.part`);
    const file = await open(part, 'wx', 0o400);
    const drop = async (): Promise<void> => {
      await file.close().catch(() => undefined);
      await rm(part, { force: true });
    };
    return {
      bytes: options.bytes,
      write: async (piece) => {
        await file.writeFile(piece);
      },
      keep: async () => {
        await file.sync();
        await file.close();
        await writeDurably(this.#manifestPath(digest), options.manifest);
        await rename(part, this.#path(digest));
        await syncFolder(this.#folder);
        await this.#makeRoom(digest);
      },
      drop,
    };
  }

  async remove(digest: string): Promise<void> {
    await rm(this.#path(digest), { force: true });
    await rm(this.#manifestPath(digest), { force: true });
  }

  async #makeRoom(newest: string): Promise<void> {
    const held = await Promise.all(
      (await this.digests()).map(async (digest) => {
        const found = await stat(this.#path(digest)).catch(() => undefined);
        return { digest, bytes: found?.size ?? 0, usedMs: found?.mtimeMs ?? 0 };
      }),
    );
    let bytes = held.reduce((sum, one) => sum + one.bytes, 0);
    for (const one of held.sort((a, b) => a.usedMs - b.usedMs)) {
      if (bytes <= this.#maxBytes) return;
      if (one.digest === newest) continue;
      await this.remove(one.digest);
      bytes -= one.bytes;
    }
  }

  #path(digest: string): string {
    return join(this.#folder, `${digest}.mjs`);
  }

  #manifestPath(digest: string): string {
    return join(this.#folder, `${digest}.jws`);
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(`${path}.part`, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.part`, path);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
