import { parseStrictJson, utf8 } from '../../src/kernel/index.ts';
import { Announcement, type CarriedReceipt, MAX_ANNOUNCEMENT_BYTES } from './schema.ts';

export type Heard =
  | { readonly kind: 'statement'; readonly statement: string }
  | ({ readonly kind: 'receipt' } & CarriedReceipt);

/** The bytes to gossip. */
export function announcementOf(heard: Heard): Uint8Array {
  const { kind: _, ...members } = heard;
  return utf8(JSON.stringify({ v: 1, ...members }));
}

/** What was gossiped; undefined: no announcement. Nothing in it is verified. Never throws. */
export function readAnnouncement(bytes: Uint8Array): Heard | undefined {
  if (bytes.length > MAX_ANNOUNCEMENT_BYTES) return undefined;
  const read = Announcement.safeParse(parseStrictJson(Buffer.from(bytes).toString('utf8')));
  if (!read.success) return undefined;
  const { v: _, ...members } = read.data;
  return 'statement' in members ? { kind: 'statement', ...members } : { kind: 'receipt', ...members };
}
