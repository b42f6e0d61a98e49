import { parseStrictJson, utf8 } from '../../src/kernel/index.ts';
import { Announcement, MAX_ANNOUNCEMENT_BYTES } from './schema.ts';

export type Told = { readonly kind: 'ad'; readonly ad: string } | { readonly kind: 'map'; readonly map: string };

/** The bytes to gossip. */
export function announcementOf(told: Told): Uint8Array {
  const { kind: _, ...members } = told;
  return utf8(JSON.stringify({ v: 1, ...members }));
}

/** What was gossiped; undefined: no announcement. Nothing in it is verified. Never throws. */
export function readAnnouncement(bytes: Uint8Array): Told | undefined {
  if (bytes.length > MAX_ANNOUNCEMENT_BYTES) return undefined;
  const read = Announcement.safeParse(parseStrictJson(Buffer.from(bytes).toString('utf8')));
  if (!read.success) return undefined;
  return 'ad' in read.data ? { kind: 'ad', ad: read.data.ad } : { kind: 'map', map: read.data.map };
}
