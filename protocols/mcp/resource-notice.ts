import { z } from 'zod';
import { LIMITS } from './schema.ts';

/** The topic of the NOTICE by which a serving node tells of a resource that the peer subscribed to. */
export const RESOURCE_TOPIC = 'resource';

const Notice = z.strictObject({
  /** The server's name on the node that tells. */
  server: z.string().min(1).max(LIMITS.maxServerBytes),
  /** What changed: the resource subscribed to, or one beneath it. */
  uri: z
    .string()
    .min(1)
    .max(LIMITS.maxNoticeBytes / 2),
  /** In whose own instance of the server it changed; absent: in everybody's. */
  agent: z.string().min(1).max(128).optional(),
  /** The subscription ended early and has to be asked for anew. */
  over: z.literal(true).optional(),
});
export type ResourceNotice = z.infer<typeof Notice>;

/** The body of a notice; undefined when it would be larger than one may be. */
export function resourceNotice(notice: ResourceNotice): Uint8Array | undefined {
  const body = Buffer.from(JSON.stringify(notice));
  return body.length <= LIMITS.maxNoticeBytes && Notice.safeParse(notice).success ? body : undefined;
}

/** Reads a peer's bytes; undefined when they are no such notice. */
export function openResourceNotice(body: Uint8Array): ResourceNotice | undefined {
  try {
    const parsed = Notice.safeParse(JSON.parse(Buffer.from(body).toString('utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
