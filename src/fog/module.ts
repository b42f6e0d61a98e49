import { z } from 'zod';
import { openJws, publicKeyOfPeerId } from '../kernel/index.ts';
import { MAX_ARTIFACT_BYTES } from './limits.ts';

export const MODULE_TYP = 'village-module+jws';
export const MAX_MANIFEST_BYTES = 8 * 1024;

/** What the publisher of a single-file module says of it, signed by the PeerId key of `publisher`. Times in seconds since 1970. */
export const ModuleManifest = z.strictObject({
  v: z.literal(1),
  /** SHA-256 of the file. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().min(1).max(MAX_ARTIFACT_BYTES),
  /** A file name, for people; the file is the program. */
  entry: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\.mjs$/),
  runtime: z.literal('node'),
  publisher: z.string().min(1).max(128),
  caps: z.strictObject({
    /** Beside its own file and its shard's folder: nothing, or reading anything. */
    fs: z.enum(['own', 'read']),
    net: z.boolean(),
    /** Names of variables that a deployment may set. */
    env: z.array(z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/)).max(32),
  }),
  min_resources: z.strictObject({ cpu_milli: z.int().min(0).max(1_000_000), mem_mib: z.int().min(0).max(1_048_576) }),
  not_after: z.int().positive(),
});
export type ModuleManifest = z.infer<typeof ModuleManifest>;

export type ModuleRefusal = 'malformed' | 'bad-signature' | 'other-module' | 'expired' | 'untrusted';
export type ModuleVerdict =
  | { readonly kind: 'trusted'; readonly manifest: ModuleManifest }
  | { readonly kind: 'refused'; readonly because: ModuleRefusal };

export interface ModuleTrust {
  /** PeerIds whose modules this node runs. */
  readonly publishers: readonly string[];
  /** Digests that a vote approved, whoever published them. */
  readonly approved: readonly string[];
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** Whether this node runs the module `digest` on the word of `manifest` (compact JWS). Never throws. */
export function judgeModule(manifest: string, digest: string, trust: ModuleTrust): ModuleVerdict {
  const opened = openJws(manifest, {
    typ: MODULE_TYP,
    key: (_header, { publisher }) => (typeof publisher === 'string' ? publicKeyOfPeerId(publisher) : undefined),
    maxBytes: MAX_MANIFEST_BYTES,
  });
  if (opened.kind === 'refused') return refused(opened.because === 'bad-signature' ? 'bad-signature' : 'malformed');
  const read = ModuleManifest.safeParse(opened.payload);
  if (!read.success || opened.header.kid !== undefined) return refused('malformed');
  if (read.data.digest !== digest) return refused('other-module');
  if (read.data.not_after * 1000 <= trust.nowMs) return refused('expired');
  const trusted = trust.publishers.includes(read.data.publisher) || trust.approved.includes(digest);
  return trusted ? { kind: 'trusted', manifest: read.data } : refused('untrusted');
}

function refused(because: ModuleRefusal): ModuleVerdict {
  return { kind: 'refused', because };
}
