import { nearest } from './nearest.ts';
import { ServerConfig } from './schema.ts';

const KNOWN = Object.keys(ServerConfig.shape);

/** Keys of other clients that are understood and have no meaning here, with what stands in their place. */
const MEANINGLESS: Readonly<Record<string, string>> = {
  autoApprove: 'what may be called without asking is decided by `level` and the village’s policy',
  alwaysAllow: 'what may be called without asking is decided by `level` and the village’s policy',
  trust: 'what may be called without asking is decided by `level` and the village’s policy',
};

/** Whoever writes `minLevel` wants the tools kept from somebody: no other client has a level of agents. */
const ABOUT_LEVELS = /levels?$/i;
/** Which tools agents get, in words of clients that are not known here: more would be offered than somebody meant. */
const ABOUT_TOOLS =
  /^(?:den(?:y|ied)|block(?:ed)?|disallow(?:ed)?|forbid(?:den)?|hid(?:e|den)|disabled?|excluded?|included?|enabled?|available|only)[_-]?tools?$/i;
const ABOUT_LOGS = /^log(ging)?[_-]?level$/i;

export interface WithoutForeign {
  readonly servers: unknown;
  /** One line for each key that another client put there and that changes nothing here. */
  readonly notices: readonly string[];
}

/**
 * Takes the keys of other clients out of a block of servers. A key that is a slip of the pen away from one of ours
 * (`comand`), or that speaks of levels or of which tools there are, stays, for the schema to refuse: ignoring it would start something other than what was meant.
 */
export function withoutForeignKeys(block: string, servers: unknown): WithoutForeign {
  if (typeof servers !== 'object' || servers === null || Array.isArray(servers)) return { servers, notices: [] };
  const notices: string[] = [];
  const cleaned = Object.entries(servers).map(([name, entry]) => {
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return [name, entry];
    const kept = Object.entries(entry).filter(([key, value]) => {
      const notice = noticeOf(key, value);
      if (notice !== undefined) notices.push(`${block}.${name}.${key}: ${notice}`);
      return isOurs(key);
    });
    return [name, Object.fromEntries(kept)];
  });
  return { servers: Object.fromEntries(cleaned), notices };
}

function noticeOf(key: string, value: unknown): string | undefined {
  if (MEANINGLESS[key] !== undefined) return `accepted and not used: ${MEANINGLESS[key]}`;
  if ((key === 'type' || key === 'transport') && value === 'sse') {
    return 'accepted and not used: a URL is spoken to by Streamable HTTP';
  }
  if (isOurs(key)) return undefined;
  return 'accepted and not used: a key of another client';
}

/** One of our keys, or meant to be. */
function isOurs(key: string): boolean {
  if (KNOWN.includes(key) || nearest(key, KNOWN) !== undefined) return true;
  return ABOUT_TOOLS.test(key) || (ABOUT_LEVELS.test(key) && !ABOUT_LOGS.test(key));
}
