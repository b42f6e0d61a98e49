import { type AuditEntry, ENTRY_KEYS } from '../../src/audit/index.ts';
import type { Store } from '../storage/index.ts';
import { entryIn } from './entry-in.ts';

/** So many entries are looked through, the newest first: about a second of it. */
const MAX_LOOKED_AT = 200_000;

/** What the record says of who issued a token: this node, another one that brought calls under it, or nothing. */
export type TokenOrigin = { readonly kind: 'here' | 'unknown' } | { readonly kind: 'peer'; readonly nodeId: string };

/**
 * Looks for a token by its id (SHA-256 of its jti, hex). A gateway takes its own node's tokens alone, so a call there proves as much as
 * the issue itself. What a peer brought proves nothing against that: it can claim any id.
 */
export async function tokenOrigin(
  log: Pick<Store, 'entries'>,
  tokenId: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<TokenOrigin> {
  let peer: string | undefined;
  const range = { ...ENTRY_KEYS, reverse: true, limit: MAX_LOOKED_AT };
  for await (const [, record] of log.entries(range)) {
    signal.throwIfAborted();
    if (!Buffer.from(record.buffer, record.byteOffset, record.byteLength).includes(tokenId)) continue;
    const entry = entryIn(record);
    if (entry?.tokenId !== tokenId) continue;
    if (isIssue(entry) || entry.kind === 'call') return { kind: 'here' };
    if (entry.kind === 'serve') peer = entry.peer;
  }
  return peer === undefined ? { kind: 'unknown' } : { kind: 'peer', nodeId: peer };
}

/** Of what an operator did with a token its issue alone proves anything: a revocation names what it was given. */
function isIssue({ kind, method, outcome }: AuditEntry): boolean {
  return kind === 'administration' && (method === 'token' || method === 'oauth.token') && outcome === 'recorded';
}
