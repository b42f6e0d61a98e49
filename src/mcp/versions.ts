/** The newest revision without sessions: every message stands for itself. */
export const STATELESS_VERSION = '2026-07-28';

/** Revisions that begin with `initialize`, newest first. */
export const SESSION_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'] as const;
export type SessionVersion = (typeof SESSION_VERSIONS)[number];

/** Every revision served, newest first: what `server/discover` and a version refusal name. */
export const SUPPORTED_VERSIONS: readonly string[] = [STATELESS_VERSION, ...SESSION_VERSIONS];

export function isSessionVersion(value: unknown): value is SessionVersion {
  return (SESSION_VERSIONS as readonly unknown[]).includes(value);
}

/** The revision a session gets for the one its client asked for: the same where it is served, else the newest with sessions. */
export function negotiate(requested: string): SessionVersion {
  return isSessionVersion(requested) ? requested : SESSION_VERSIONS[0];
}

/** JSON-RPC batches came with 2025-03-26 and went with 2025-06-18. */
export function allowsBatches(version: SessionVersion): boolean {
  return version === '2025-03-26';
}
