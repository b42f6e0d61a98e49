import type { Stream } from '@libp2p/interface';
import {
  answerBlob,
  askManifest,
  askModule,
  FOG_BLOB,
  MANIFEST_TIMEOUT_MS,
  type ModuleShelf,
} from '../../../protocols/fog-blob/index.ts';
import { judgeModule, type ModuleManifest, type ModuleTrust, type ModuleVerdict } from '../../../src/fog/index.ts';
import { ArtifactError } from './artifact-error.ts';
import type { ModuleCache } from './module-cache.ts';
import type { ModulePeers } from './module-peers.ts';

const MAX_ASKED = 8;
const MAX_OUT_AT_ONCE = 4;
const MAX_MANIFESTS = 256;
/** How long the village is not asked again about a module that it did not know, or not well enough. */
const COOL_MS = 5_000;
const MAX_COOLING = 256;
const MAX_LOOKUPS = 8;

export interface Wanted {
  /** Whoever asks for the shard: likely to have its module. */
  readonly from?: string | undefined;
  readonly signal: AbortSignal;
}

export interface ModulesParts {
  readonly cache: ModuleCache;
  readonly peers: ModulePeers;
  readonly trust: () => ModuleTrust;
}

/** Single-file modules by their hash: judged by their manifest, fetched from whoever has them, kept, and given to others. */
export class Modules implements ModuleShelf {
  readonly #parts: ModulesParts;
  /** Of modules that are not in the cache, as their publishers signed them. */
  readonly #manifests = new Map<string, string>();
  readonly #fetching = new Map<string, Promise<string>>();
  readonly #cooling = new Map<string, { readonly untilMs: number; readonly verdict: ModuleVerdict | undefined }>();
  #lookups = 0;
  #out = 0;

  constructor(parts: ModulesParts) {
    this.#parts = parts;
  }

  /** What this node thinks of the module, by the manifest that it or a peer has; undefined: nobody has one. Never rejects. */
  async judge(digest: string, wanted: Wanted): Promise<ModuleVerdict | undefined> {
    const trust = this.#parts.trust();
    const known = this.#manifests.get(digest) ?? (await this.#parts.cache.manifest(digest));
    if (known !== undefined) {
      const verdict = judgeModule(known, digest, trust);
      if (verdict.kind === 'trusted') return verdict;
      this.#manifests.delete(digest); // its publisher may have signed another since
    }
    const cooling = this.#cooling.get(digest);
    if (cooling !== undefined && cooling.untilMs > trust.nowMs) return cooling.verdict;
    // Whoever asks for shards of modules that nobody has must not have us ask everybody for each.
    if (this.#lookups >= MAX_LOOKUPS) return undefined;
    this.#lookups += 1;
    try {
      return await this.#lookUp(digest, wanted, known);
    } finally {
      this.#lookups -= 1;
    }
  }

  async #lookUp(digest: string, wanted: Wanted, known: string | undefined): Promise<ModuleVerdict | undefined> {
    const trust = this.#parts.trust();
    let refused = known === undefined ? undefined : judgeModule(known, digest, trust);
    for await (const manifest of this.#ask(digest, wanted)) {
      const verdict = judgeModule(manifest, digest, trust);
      if (verdict.kind === 'trusted') {
        this.#remember(digest, manifest);
        return verdict;
      }
      refused ??= verdict;
    }
    this.#cooling.set(digest, { untilMs: trust.nowMs + COOL_MS, verdict: refused });
    if (this.#cooling.size > MAX_COOLING) this.#cooling.delete(this.#cooling.keys().next().value as string);
    return refused;
  }

  /** The path of the module, verified just now; fetched where needed. Errors: ArtifactError. */
  async path(digest: string, manifest: ModuleManifest, wanted: Wanted): Promise<string> {
    const here = await this.#parts.cache.verified(digest);
    if (here !== undefined) return here;
    // Two shards of one module start with one fetch.
    const under = this.#fetching.get(digest) ?? this.#fetch(digest, manifest, wanted);
    this.#fetching.set(digest, under);
    try {
      return await under;
    } finally {
      this.#fetching.delete(digest);
    }
  }

  module(digest: string): ReturnType<ModuleShelf['module']> {
    return this.#parts.cache.shelved(digest);
  }

  enter(): (() => void) | undefined {
    if (this.#out >= MAX_OUT_AT_ONCE) return undefined;
    this.#out += 1;
    return () => {
      this.#out -= 1;
    };
  }

  /** Answers a peer. Errors: WireError, the stream aborted. */
  serve(stream: Stream): Promise<void> {
    return answerBlob(stream, this, { signal: AbortSignal.timeout(FOG_BLOB.timeoutMs) });
  }

  async *#ask(digest: string, wanted: Wanted): AsyncIterable<string> {
    for await (const nodeId of this.#holders(digest, wanted)) {
      try {
        const signal = AbortSignal.any([wanted.signal, AbortSignal.timeout(MANIFEST_TIMEOUT_MS)]);
        const stream = await this.#parts.peers.openStream(nodeId, { signal });
        const answer = await askManifest(stream, digest, { signal });
        if (answer.kind === 'found') yield answer.manifest;
      } catch {
        // unreachable, or not what the protocol says: another may have it
      }
    }
  }

  async *#holders(digest: string, { from, signal }: Wanted): AsyncIterable<string> {
    let asked = 0;
    for await (const nodeId of this.#parts.peers.holders(digest, { first: from, signal })) {
      if (signal.aborted || ++asked > MAX_ASKED) return;
      yield nodeId;
    }
  }

  async #fetch(digest: string, { bytes }: ModuleManifest, wanted: Wanted): Promise<string> {
    const { cache, peers } = this.#parts;
    const manifest = this.#manifests.get(digest) ?? (await cache.manifest(digest));
    if (manifest === undefined) throw new ArtifactError('ARTIFACT_UNTRUSTED', 'its manifest is not here');
    for await (const nodeId of this.#holders(digest, wanted)) {
      const sink = await cache.receive(digest, { manifest, bytes }).catch((cause: unknown) => {
        throw new ArtifactError('ARTIFACT_STORAGE', 'the module cannot be kept', { cause });
      });
      try {
        const signal = AbortSignal.any([wanted.signal, AbortSignal.timeout(FOG_BLOB.timeoutMs)]);
        const stream = await peers.openStream(nodeId, { signal });
        if ((await askModule(stream, digest, { sink, signal })).kind === 'whole') {
          await sink.keep();
          const path = await cache.verified(digest);
          void peers.announce(digest); // never rejects; whoever waits for the module need not wait for that
          if (path !== undefined) return path;
        }
      } catch {
        // gone, too slow, or other bytes: another may have it
      }
      await sink.drop();
    }
    throw new ArtifactError('ARTIFACT_UNREACHABLE', 'no peer that answered has the module');
  }

  #remember(digest: string, manifest: string): void {
    this.#manifests.set(digest, manifest);
    if (this.#manifests.size > MAX_MANIFESTS) this.#manifests.delete(this.#manifests.keys().next().value as string);
  }
}
