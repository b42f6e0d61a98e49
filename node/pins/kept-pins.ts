import { z } from 'zod';
import type { PartKind } from '../../src/routing/index.ts';

/** Parts of one server: how each was described when it was first seen, or last approved. SHA-256, hex, by `pinKey`. */
export type Pins = ReadonlyMap<string, string>;

/** Of one server: what it does not offer now is forgotten beyond this, the oldest first. */
const MAX_OF_SERVER = 8_192;

const Hashes = z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/));
const Kept = z.strictObject({ v: z.literal(2), parts: Hashes });

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
  // Of tools only, by name.
  const tools = Hashes.safeParse(value);
  return tools.success
    ? new Map(Object.entries(tools.data).map(([name, hash]) => [pinKey('tool', name), hash]))
    : undefined;
}

export function writePins(pins: Pins): Uint8Array {
  return Buffer.from(JSON.stringify({ v: 2, parts: Object.fromEntries(pins) }));
}

/** Within the bound, and with all that is offered. */
export function boundedPins(pins: Pins, offered: ReadonlySet<string>): Pins {
  if (pins.size <= MAX_OF_SERVER) return pins;
  const left = new Map(pins);
  for (const key of pins.keys()) {
    if (left.size <= MAX_OF_SERVER) break;
    if (!offered.has(key)) left.delete(key);
  }
  return left;
}
