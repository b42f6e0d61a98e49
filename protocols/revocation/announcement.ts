import { parseStrictJson, utf8 } from '../../src/kernel/index.ts';
import { Announcement, type Carried, MAX_ANNOUNCEMENT_BYTES } from './schema.ts';

/** The bytes to gossip. */
export function announcementOf({ statement, chain = [] }: Carried): Uint8Array {
  return utf8(JSON.stringify({ v: 1, statement, chain }));
}

/** What was gossiped; undefined: no announcement. Nothing in it is verified. Never throws. */
export function readAnnouncement(bytes: Uint8Array): Carried | undefined {
  if (bytes.length > MAX_ANNOUNCEMENT_BYTES) return undefined;
  const read = Announcement.safeParse(parseStrictJson(Buffer.from(bytes).toString('utf8')));
  return read.success ? { statement: read.data.statement, chain: read.data.chain } : undefined;
}
