import { z } from 'zod';
import { fromBase64Url, sha256Hex, text } from '../kernel/index.ts';
import type { Statement, StatementOf } from './statement.ts';

type Fence = StatementOf<'fence'>;

export const MAX_LINKS = 4_096;
const MAX_LINK_BYTES = 4 * 1024 * 1024;

/** What a link says of itself: the statement before it in its log, and the epoch. */
const Place = z.object({ ep: z.int(), prev: z.string().nullable() });
type Place = z.infer<typeof Place>;

/**
 * The fences that say what of an epoch counts: one of each key that stays, or of each that leaves where none stays. `next`:
 * the keys after the change. `signers`: the keys that had to sign.
 */
export function stayingFences(
  fences: readonly Fence[],
  { signers, next }: { readonly signers: readonly string[]; readonly next: ReadonlyMap<string, string> },
): readonly Fence[] {
  const kept = new Set(next.values());
  const nobodyStays = signers.every((kid) => !kept.has(kid));
  return oneOfEach(fences).filter(({ kid }) => nobodyStays || kept.has(kid));
}

/** Of a key that fenced twice one will do: what counts lies before both. */
export function oneOfEach(fences: readonly Fence[]): readonly Fence[] {
  return [...new Map(fences.map((fence) => [fence.kid, fence])).values()];
}

/**
 * The signing inputs of the statements that lead from the fences back to `targets`: whoever has the fences and these can see,
 * by hashes alone, that the targets were signed before. undefined: one is not within, or it takes too much to show it.
 */
export function linksTo(
  targets: readonly string[],
  fences: readonly Fence[],
  get: (id: string) => Statement | undefined,
): readonly string[] | undefined {
  const after = new Map<string, string | undefined>();
  const open = fences.flatMap((fence) => startsOf(fence));
  for (const id of open) after.set(id, undefined);
  for (let at = 0; at < open.length; at += 1) {
    const id = open[at] as string;
    const statement = get(id);
    for (const before of statement === undefined ? [] : leadsTo(statement.payload, fences)) {
      if (after.has(before)) continue;
      after.set(before, id);
      open.push(before);
    }
  }
  const needed = new Set<string>();
  for (const target of targets) {
    if (!after.has(target)) return undefined;
    for (let id = after.get(target); id !== undefined && !needed.has(id); id = after.get(id)) needed.add(id);
  }
  const links = [...needed].map((id) => inputOf(get(id)?.token ?? ''));
  const bytes = links.reduce((sum, { length }) => sum + length, 0);
  return links.length > MAX_LINKS || bytes > MAX_LINK_BYTES ? undefined : links;
}

/** Whether the fences close over every one of `targets`, as far as the links show. */
export function isWithin(targets: readonly string[], fences: readonly Fence[], links: readonly string[]): boolean {
  const places = new Map(links.map((link) => [sha256Hex(link), placeOf(link)]));
  const reached = new Set(fences.flatMap((fence) => startsOf(fence)));
  for (const id of reached) {
    const place = places.get(id);
    for (const before of place === undefined ? [] : leadsTo(place, fences)) reached.add(before);
  }
  return targets.every((target) => reached.has(target));
}

/** Where it leads, within the epoch that the fences close. */
function leadsTo({ ep, prev }: Place, [fence]: readonly Fence[]): readonly string[] {
  return prev === null || ep !== fence?.payload.ep ? [] : [prev];
}

function startsOf({ id, payload }: Fence): readonly string[] {
  return [id, ...payload.body.heads, ...(payload.prev === null ? [] : [payload.prev])];
}

function inputOf(token: string): string {
  return token.slice(0, token.lastIndexOf('.'));
}

function placeOf(input: string): Place | undefined {
  const bytes = fromBase64Url(input.slice(input.indexOf('.') + 1));
  try {
    return bytes === undefined ? undefined : Place.safeParse(JSON.parse(text(bytes))).data;
  } catch {
    return undefined; // no link: it leads nowhere
  }
}
