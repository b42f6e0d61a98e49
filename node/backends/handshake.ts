import {
  isObject,
  isSessionVersion,
  META,
  SESSION_VERSIONS,
  STATELESS_VERSION,
  statelessParams,
} from '../../src/mcp/index.ts';
import type { Era } from './backend.ts';
import { BackendError } from './backend-error.ts';
import type { Connection } from './connection.ts';
import type { Ending } from './exchange.ts';
import { OURSELVES } from './ourselves.ts';

/** What a handshake settled. */
export interface Terms {
  readonly era: Era;
  readonly version: string;
  /** It speaks without sessions, and says that it can speak with them too. */
  readonly alsoSessions?: boolean | undefined;
  readonly serverInfo: { readonly name: string; readonly version: string; readonly [field: string]: unknown };
  readonly capabilities: Readonly<Record<string, unknown>>;
  readonly instructions: string | undefined;
}

// A session-era server may leave an unknown method unanswered; after this long `initialize` is sent as well. Not much sooner: one that
// speaks both eras and is slow to start would be made to choose the older.
const DISCOVER_ALONE_MS = 3_000;
// Older than what we serve, and the same on the wire as 2024-11-05.
const ALSO_SPOKEN = '2024-10-07';

export interface HandshakeOptions {
  readonly tryStateless: boolean;
  readonly timeoutMs: number;
  /** How long `server/discover` goes unanswered before `initialize` is sent as well. */
  readonly aloneMs?: number | undefined;
}

type Attempt = { readonly terms: Terms } | { readonly problem: string };

/**
 * Asks `server/discover` first and `initialize` when that is refused or unanswered; the last of them to succeed settles the era.
 * Throws BackendError BACKEND_HANDSHAKE.
 */
export async function handshake(connection: Connection, options: HandshakeOptions): Promise<Terms> {
  const { aloneMs = DISCOVER_ALONE_MS } = options;
  const deadlineAt = performance.now() + options.timeoutMs;
  const over = new AbortController();
  const waiting = { deadlineAt, signal: over.signal };
  try {
    if (!options.tryStateless) return termsOf(await initialize(connection, waiting));
    const discovering = discover(connection, waiting);
    const early = await Promise.race([discovering, after(aloneMs, over.signal)]);
    if (early !== undefined && 'terms' in early) return early.terms;
    const initializing = initialize(connection, waiting);
    return termsOf(await lastOf(discovering, initializing, () => after(aloneMs, over.signal)));
  } finally {
    over.abort();
  }
}

/** What `initialize` brings: a server that takes it is in a session then, whatever it had said before. Else what was discovered. */
async function lastOf(
  discovering: Promise<Attempt>,
  initializing: Promise<Attempt>,
  patience: () => Promise<undefined>,
): Promise<Attempt> {
  const unanswered = discovering.then(async (found) => {
    if ('problem' in found) return initializing;
    await patience();
    return found;
  });
  const opened = await Promise.race([initializing, unanswered]);
  if ('terms' in opened) return opened;
  const found = await discovering;
  // Of two problems that of `initialize`, which most servers know.
  return 'terms' in found ? found : opened;
}

function termsOf(attempt: Attempt): Terms {
  if ('terms' in attempt) return attempt.terms;
  throw new BackendError('BACKEND_HANDSHAKE', attempt.problem);
}

type Waiting = { readonly deadlineAt: number; readonly signal: AbortSignal };

async function discover(connection: Connection, waiting: Waiting): Promise<Attempt> {
  const ending = await connection.exchange('server/discover', statelessParams(undefined, OURSELVES), waiting);
  if (ending.kind !== 'result') return { problem: problemOf(ending) };
  const { supportedVersions, capabilities, instructions, _meta: meta } = ending.result;
  if (!Array.isArray(supportedVersions) || !supportedVersions.includes(STATELESS_VERSION)) {
    return { problem: 'it offers no revision this node speaks without a session' };
  }
  return {
    terms: {
      era: 'stateless',
      version: STATELESS_VERSION,
      alsoSessions: supportedVersions.some((version) => typeof version === 'string' && isSessionVersion(version)),
      serverInfo: serverInfoOf(isObject(meta) ? meta[META.serverInfo] : undefined),
      capabilities: isObject(capabilities) ? capabilities : {},
      instructions: typeof instructions === 'string' ? instructions : undefined,
    },
  };
}

async function initialize(connection: Connection, waiting: Waiting): Promise<Attempt> {
  const params = {
    protocolVersion: SESSION_VERSIONS[0],
    capabilities: OURSELVES.capabilities,
    clientInfo: OURSELVES.clientInfo,
  };
  const ending = await connection.exchange('initialize', params, waiting);
  if (ending.kind !== 'result') return { problem: problemOf(ending) };
  const { protocolVersion: version, serverInfo, capabilities, instructions } = ending.result;
  if (typeof version !== 'string' || !(isSessionVersion(version) || version === ALSO_SPOKEN)) {
    return { problem: 'it speaks no MCP revision that this node speaks' };
  }
  return {
    terms: {
      era: 'session',
      version,
      serverInfo: serverInfoOf(serverInfo),
      capabilities: isObject(capabilities) ? capabilities : {},
      instructions: typeof instructions === 'string' ? instructions : undefined,
    },
  };
}

function serverInfoOf(value: unknown): Terms['serverInfo'] {
  const info = isObject(value) ? value : {};
  const { name, version } = info;
  return {
    ...info,
    name: typeof name === 'string' ? name : 'unnamed',
    version: typeof version === 'string' ? version : '0',
  };
}

/** What to tell a person about a request of ours that brought no result. */
export function problemOf(ending: Exclude<Ending, { kind: 'result' }>): string {
  switch (ending.kind) {
    case 'error':
      return `it answered with error ${ending.error.code}`;
    case 'failed':
      if (ending.failure.kind === 'too-large') return 'its answer was too large';
      return ending.failure.kind === 'session-lost' ? 'it lost the session' : ending.failure.problem;
    case 'deadline':
      return 'it did not answer in time';
    case 'cancelled':
      return 'given up';
    case 'refused':
      return ending.because === 'busy' ? 'it does not read what is sent' : 'the connection is closed';
  }
}

function after(ms: number, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve(undefined);
    }
  });
}
