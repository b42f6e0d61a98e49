import type { Stream } from '@libp2p/interface';
import { join } from 'node:path';
import { sha256Hex } from '../../../src/kernel/index.ts';
import {
  type ArtifactRef,
  MAX_ARTIFACT_BYTES,
  MODULE_TYP,
  ModuleManifest,
  type ModuleTrust,
  type RefusalCode,
  type ShardSpec,
} from '../../../src/fog/index.ts';
import type { FogConfig } from '../../config/fog.ts';
import { ownEnvironment, ownProgram, type Program } from '../runner/index.ts';
import { ArtifactError } from './artifact-error.ts';
import { ModuleCache } from './module-cache.ts';
import type { ModulePeers } from './module-peers.ts';
import { Modules, type Wanted } from './modules.ts';

export type ArtifactVerdict =
  /** `warm`: nothing has to be fetched. */
  | { readonly kind: 'runnable'; readonly warm: boolean }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly detail: string };

export interface ArtifactsParts {
  readonly nodeId: string;
  /** Modules are kept in `fog/modules` of it. */
  readonly dataDir: string;
  readonly config: () => Pick<FogConfig, 'artifacts' | 'publishers'>;
  /** Digests of modules that a vote approved. */
  readonly approved: () => readonly string[];
  readonly peers: ModulePeers;
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
  /** A compact JWS by this node's key. */
  readonly sign: (typ: string, payload: ModuleManifest) => string;
  /** Built-in roles that run in this process as shards, besides `agent`. */
  readonly roles?: ReadonlyMap<string, Extract<Program, { kind: 'role' }>> | undefined;
}

/** What is asked to run, as its spec says. */
export type Asked = Pick<ShardSpec, 'artifact' | 'res' | 'env'>;

const AGENT = 'agent';

/** Turns the name of a program into a program, if this node's operator, its publisher or a vote allows it. */
export class Artifacts {
  readonly #parts: ArtifactsParts;
  readonly #cache: ModuleCache;
  readonly #modules: Modules;

  constructor(parts: ArtifactsParts) {
    this.#parts = parts;
    this.#cache = new ModuleCache(join(parts.dataDir, 'fog', 'modules'));
    this.#modules = new Modules({ cache: this.#cache, peers: parts.peers, trust: () => this.#trust() });
  }

  async start(): Promise<void> {
    await this.#cache.open();
  }

  /** Whether it may run here: asked before anything is held for it. Never rejects. */
  async judge(asked: Asked, wanted: Wanted): Promise<ArtifactVerdict> {
    const name = nameOf(asked.artifact);
    if (name.kind !== 'mod') {
      const known = name.kind === 'role' ? this.#role(name.name) : this.#command(name.name);
      return known === undefined ? untrusted(`this node has no ${asked.artifact}`) : { kind: 'runnable', warm: true };
    }
    const verdict = await this.#modules.judge(name.digest, wanted);
    if (verdict === undefined) return untrusted('nobody who was asked has its manifest');
    if (verdict.kind === 'refused') return untrusted(`its manifest is refused: ${verdict.because}`);
    const { min_resources: least } = verdict.manifest;
    if (asked.res.cpuMilli < least.cpu_milli || asked.res.memMib < least.mem_mib) {
      const detail = `its manifest wants ${least.cpu_milli} milli-cores and ${least.mem_mib} MiB at least`;
      return { kind: 'refused', code: 'REFUSED_POLICY', detail };
    }
    return { kind: 'runnable', warm: (await this.#cache.digests()).includes(name.digest) };
  }

  /** The program, ready to start; everything is judged again, and the bytes of a module hashed again. Errors: ArtifactError. */
  async prepare(asked: Asked, wanted: Wanted): Promise<Program> {
    const name = nameOf(asked.artifact);
    if (name.kind === 'mod') return this.#module(name.digest, asked, wanted);
    const program = name.kind === 'role' ? this.#role(name.name) : this.#command(name.name);
    if (program === undefined) throw new ArtifactError('ARTIFACT_UNTRUSTED', `this node has no ${asked.artifact}`);
    return program;
  }

  /** What an advertisement says: the kinds, and the names of roles and commands. */
  names(): readonly string[] {
    const roles = [AGENT, ...(this.#parts.roles?.keys() ?? [])].map((name) => `role:${name}`);
    const commands = Object.keys(this.#parts.config().artifacts).map((name) => `cmd:${name}`);
    return ['role', 'cmd', 'mod', ...roles, ...commands];
  }

  /** Signs a module with this node's key and keeps it for peers to fetch; answers its reference. Errors: ArtifactError. */
  async publish(
    module: Uint8Array,
    says: Pick<ModuleManifest, 'entry' | 'caps' | 'min_resources' | 'not_after'>,
  ): Promise<ArtifactRef> {
    const digest = sha256Hex(module);
    const manifest = ModuleManifest.safeParse({
      ...says,
      v: 1,
      digest,
      bytes: module.length,
      runtime: 'node',
      publisher: this.#parts.nodeId,
    });
    if (!manifest.success) {
      throw new ArtifactError('ARTIFACT_UNTRUSTED', `not a module of 1 … ${MAX_ARTIFACT_BYTES} bytes with a manifest`, {
        cause: manifest.error,
      });
    }
    const signed = this.#parts.sign(MODULE_TYP, manifest.data);
    const incoming = await this.#cache.receive(digest, { manifest: signed, bytes: module.length });
    try {
      await incoming.write(module);
      await incoming.keep();
    } catch (cause) {
      await incoming.drop();
      throw new ArtifactError('ARTIFACT_STORAGE', 'the module cannot be kept', { cause });
    }
    void this.#parts.peers.announce(digest); // never rejects
    return `mod:sha256:${digest}`;
  }

  /** Removes the modules that are not in `keep`; answers their digests. They are fetched again where somebody has them. */
  async collect(
    keep: ReadonlySet<ArtifactRef>,
  ): Promise<{ readonly removed: readonly string[]; readonly kept: number }> {
    const digests = await this.#cache.digests();
    const removed = digests.filter((digest) => !keep.has(`mod:sha256:${digest}`));
    for (const digest of removed) await this.#cache.remove(digest);
    return { removed, kept: digests.length - removed.length };
  }

  /** Answers a peer on fog-blob/1. Errors: WireError, the stream aborted. */
  serve(stream: Stream): Promise<void> {
    return this.#modules.serve(stream);
  }

  async #module(digest: string, { env }: Asked, wanted: Wanted): Promise<Program> {
    const verdict = await this.#modules.judge(digest, wanted);
    if (verdict?.kind !== 'trusted') {
      throw new ArtifactError('ARTIFACT_UNTRUSTED', `its manifest is refused: ${verdict?.because ?? 'there is none'}`);
    }
    const { manifest } = verdict;
    const path = await this.#modules.path(digest, manifest, wanted);
    return {
      kind: 'process',
      command: process.execPath,
      args: [],
      env: Object.fromEntries(Object.entries(env).filter(([name]) => manifest.caps.env.includes(name))),
      module: { path, digest, fsRead: manifest.caps.fs === 'read', net: manifest.caps.net },
    };
  }

  #role(name: string): Program | undefined {
    if (name !== AGENT) return this.#parts.roles?.get(name);
    const program = ownProgram(import.meta.dirname, '..', 'worker', 'main');
    return { kind: 'process', command: process.execPath, args: ['--no-warnings', program], env: ownEnvironment() };
  }

  #command(name: string): Program | undefined {
    const { artifacts } = this.#parts.config();
    const entry = Object.hasOwn(artifacts, name) ? artifacts[name] : undefined;
    return entry === undefined ? undefined : { kind: 'process', ...entry };
  }

  #trust(): ModuleTrust {
    const publishers = [this.#parts.nodeId, ...this.#parts.config().publishers];
    return { publishers, approved: this.#parts.approved(), nowMs: this.#parts.wallMs() };
  }
}

type Name =
  | { readonly kind: 'role' | 'cmd'; readonly name: string }
  | { readonly kind: 'mod'; readonly digest: string };

/** The parts of a reference, which has the form that src/fog gives it. */
function nameOf(ref: ArtifactRef): Name {
  if (ref.startsWith('mod:sha256:')) return { kind: 'mod', digest: ref.slice('mod:sha256:'.length) };
  return ref.startsWith('role:')
    ? { kind: 'role', name: ref.slice('role:'.length) }
    : { kind: 'cmd', name: ref.slice('cmd:'.length) };
}

function untrusted(detail: string): ArtifactVerdict {
  return { kind: 'refused', code: 'UNTRUSTED_ARTIFACT', detail };
}
