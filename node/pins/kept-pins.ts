import { z } from 'zod';
import type { PartKind } from '../../src/routing/index.ts';

/**
 * Parts of one server: how each was described when it was first seen, or last approved, by `pinKey`. SHA-256, hex; behind a mark where it
 * is of an earlier version, which hashed otherwise (`earlierParts`), until the part is seen as it was.
 */
export type Pins = ReadonlyMap<string, string>;

/** Of one server: what it does not offer now is forgotten beyond this, the oldest first. */
const MAX_OF_SERVER = 8_192;
/** As above, of all names and hashes: a name may be a URI of 4,096 characters, and a peer has 512 servers. */
const MAX_CHARACTERS_OF_SERVER = 1024 * 1024;
/** Of its resources; where it offers more, the rest is data. */
const MAX_RESOURCES = 256;
const EARLIER = 'earlier:';

const Hashes = z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/));
const Kept = z.strictObject({
  v: z.literal(3),
  parts: z.record(z.string(), z.string().regex(/^(?:earlier:)?[0-9a-f]{64}$/)),
});
const KeptEarlier = z.strictObject({ v: z.literal(2), parts: Hashes });

export function isEarlier(pin: string): boolean {
  return pin.startsWith(EARLIER);
}

export function hashOf(pin: string): string {
  return isEarlier(pin) ? pin.slice(EARLIER.length) : pin;
}

/** A kind has no space in it: no two parts have one key. */
export function pinKey(kind: PartKind, name: string): string {
  return `${kind} ${name}`;
}

/** The pins of a server as they lie on disk; undefined: these are none. */
export function readPins(bytes: Uint8Array): Pins | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
  const kept = Kept.safeParse(value);
  if (kept.success) return new Map(Object.entries(kept.data.parts));
  const earlier = KeptEarlier.safeParse(value);
  if (earlier.success) return marked(Object.entries(earlier.data.parts));
  // Of tools only, by name.
  const tools = Hashes.safeParse(value);
  if (!tools.success) return undefined;
  return marked(Object.entries(tools.data).map(([name, hash]) => [pinKey('tool', name), hash]));
}

export function writePins(pins: Pins): Uint8Array {
  return Buffer.from(JSON.stringify({ v: 3, parts: Object.fromEntries(pins) }));
}

/** Within the bounds, and with all that is offered but resources beyond theirs. */
export function boundedPins(pins: Pins, offered: ReadonlySet<string>): Pins {
  const left = new Map(pins);
  const resources = [...pins.keys()].filter((key) => key.startsWith(pinKey('resource', '')));
  let most = resources.length - MAX_RESOURCES;
  // What is gone, the oldest first; then the newest of what is there, so that no crowd pushes out what is known.
  for (const key of [...resources.filter((one) => !offered.has(one)), ...resources.toReversed()]) {
    if (most <= 0) break;
    if (left.delete(key)) most -= 1;
  }
  let characters = 0;
  for (const [key, pin] of left) characters += key.length + pin.length;
  for (const [key, pin] of pins) {
    if (left.size <= MAX_OF_SERVER && characters <= MAX_CHARACTERS_OF_SERVER) break;
    if (!offered.has(key) && left.delete(key)) characters -= key.length + pin.length;
  }
  return left;
}

function marked(entries: readonly (readonly [string, string])[]): Pins {
  return new Map(entries.map(([key, hash]) => [key, `${EARLIER}${hash}`]));
}
