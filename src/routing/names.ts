import { sha256Hex } from '../kernel/index.ts';

/** Clients refuse longer names, and other characters than letters, digits, `_` and `-`. */
const MAX_NAME = 64;
const HASH_DIGITS = 8;

/** `name` with every character that clients refuse replaced by `_`. */
function cleanName(name: string): string {
  return name.replace(/[^A-Za-z0-9_-]/g, '_');
}

/**
 * The name under which a tool or prompt is offered: `label__name`, or `name` alone for a role (label undefined). At most 64 characters;
 * a longer one is cut and ends in a hash of the whole, so that it is the same on every node.
 */
export function exposedName(label: string | undefined, name: string): string {
  const whole = label === undefined ? cleanName(name) : `${cleanName(label)}__${cleanName(name)}`;
  return whole.length <= MAX_NAME && whole.length > 0 ? whole : withHash(whole, `${label ?? ''}\n${name}`);
}

/** Another spelling of `taken` for what `identity` names: never aborts, and every node finds the same one. */
export function freeName(
  taken: ReadonlyMap<string, unknown> | ReadonlySet<string>,
  wanted: string,
  identity: string,
): string {
  let free = wanted;
  for (let attempt = 0; taken.has(free); attempt += 1) free = withHash(wanted, `${identity}\n${attempt}`);
  return free;
}

function withHash(name: string, identity: string): string {
  return `${name.slice(0, MAX_NAME - HASH_DIGITS - 1)}-${sha256Hex(identity).slice(0, HASH_DIGITS)}`;
}
