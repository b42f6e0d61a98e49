import { z } from 'zod';
import { LIMITS } from './schema.ts';

/** The topic of the NOTICE by which a serving node tells that answers of one of its servers may have become other ones. */
export const CHANGE_TOPIC = 'changed';

const Notice = z.strictObject({
  /** The server's name on the node that tells. */
  server: z.string().min(1).max(LIMITS.maxServerBytes),
  /** Answers of this tool are as they were. */
  except: z.string().min(1).max(LIMITS.maxTargetBytes).optional(),
  /** For so long they may go on changing. */
  unsettled_ms: z.int().positive().max(600_000).optional(),
});
export type ChangeNotice = z.infer<typeof Notice>;

export function changeNotice(notice: ChangeNotice): Uint8Array {
  return Buffer.from(JSON.stringify(notice));
}

/** Reads a peer's bytes; undefined when they are no such notice. */
export function openChangeNotice(body: Uint8Array): ChangeNotice | undefined {
  try {
    const parsed = Notice.safeParse(JSON.parse(Buffer.from(body).toString('utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
