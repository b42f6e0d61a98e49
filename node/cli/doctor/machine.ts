import { type Finding, fine, problem } from './finding.ts';

const OLDEST_NODE = [22, 18] as const;
/** No clock that is right shows a time before this program was written. */
const NOT_BEFORE_MS = Date.UTC(2026, 0, 1);
const SKEW_MS = 60_000;

export function checkNodeVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  const [wantMajor, wantMinor] = OLDEST_NODE;
  if (major > wantMajor || (major === wantMajor && minor >= wantMinor)) return fine('node version', version);
  return problem(
    'node version',
    `${version} is too old`,
    `use Node ${wantMajor}.${wantMinor} or newer (from a checkout: npm run -s village -- …)`,
  );
}

/** `newestFileMs`: the newest time stamp in the data folder, which lies in the past where the clock is right. */
export function checkClock(nowMs: number, newestFileMs: number | undefined): Finding {
  const remedy = 'set the clock (tokens, invites and memberships carry times that other nodes check)';
  if (nowMs < NOT_BEFORE_MS) return problem('clock', `it is ${new Date(nowMs).toISOString()}, which cannot be`, remedy);
  if (newestFileMs !== undefined && newestFileMs > nowMs + SKEW_MS) {
    return problem(
      'clock',
      `the data folder holds a file from ${new Date(newestFileMs).toISOString()}, which is still to come`,
      remedy,
    );
  }
  return fine('clock', new Date(nowMs).toISOString());
}
