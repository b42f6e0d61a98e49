import { sha256 } from '../kernel/index.ts';

/** A slot with its hash made once: mixing two words costs far less than a hash of each pair. */
export interface HashedSlot {
  readonly slot: number;
  readonly seed: number;
}

export function hashSlots(deployment: string, slots: Iterable<number>): readonly HashedSlot[] {
  return [...slots].map((slot) => ({ slot, seed: word(`${deployment}\n${slot}`) }));
}

/**
 * Whose a key is: the slot with the highest weight. With a slot more, a key stays or goes to the new one; nothing else
 * moves. Where slots run does not matter. Undefined: there are no slots.
 */
export function slotOfKey(key: string, slots: readonly HashedSlot[]): number | undefined {
  const hashed = word(key);
  let best: { slot: number; weight: number } | undefined;
  for (const { slot, seed } of slots) {
    const weight = mix(hashed ^ seed);
    if (best === undefined || weight > best.weight || (weight === best.weight && slot < best.slot))
      best = { slot, weight };
  }
  return best?.slot;
}

function word(text: string): number {
  const [a = 0, b = 0, c = 0, d = 0] = sha256(text);
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

/** Finaliser of MurmurHash3: each bit of the word reaches each bit of the result. */
function mix(value: number): number {
  let mixed = value >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
