import { z } from 'zod';
import {
  canonicalJson,
  fromBase64Url,
  openJws,
  parseStrictJson,
  publicKeyOfPeerId,
  text,
  toBase64Url,
  utf8,
} from '../kernel/index.ts';
import { LEVELS } from '../permissions/index.ts';

export const TICKET_TYP = 'village-invite+jws';
const PREFIX = 'village-invite:';
const MAX_TICKET_BYTES = 2048;
const MAX_INVITE_BYTES = 16 * 1024;

/** What an invite promises: signed by the PeerId key of `by`, redeemed with `by` alone, which counts its uses. Times in seconds. */
export const Ticket = z.strictObject({
  village: z.string().length(64),
  by: z.string().max(128),
  jti: z.string().min(16).max(64),
  uses: z.int().min(1).max(10_000),
  /** The highest level that the newcomer may give its own agents. */
  level: z.enum(LEVELS),
  may_invite: z.boolean(),
  exp: z.int().positive(),
});
export type Ticket = z.infer<typeof Ticket>;

export const Invite = z.strictObject({
  v: z.literal(1),
  village: z.string().length(64),
  /** Full multiaddrs of the inviting node, `/p2p/ID` included. */
  addresses: z.array(z.string().startsWith('/').max(512)).max(32),
  ticket: z.string().max(MAX_TICKET_BYTES),
});
export type Invite = z.infer<typeof Invite>;

export type TicketRefusal = 'malformed' | 'bad-signature' | 'foreign-village' | 'expired';
export type TicketVerdict =
  | { readonly kind: 'ticket'; readonly ticket: Ticket }
  | { readonly kind: 'refused'; readonly because: TicketRefusal };

/** Opens a ticket and checks signature, village and expiry. Its uses are counted by the node that made it, nowhere else. */
export function checkTicket(
  jws: string,
  context: { readonly villageId: string; readonly nowMs: number },
): TicketVerdict {
  const opened = openJws(jws, {
    typ: TICKET_TYP,
    key: (_header, { by }) => (typeof by === 'string' ? publicKeyOfPeerId(by) : undefined),
    maxBytes: MAX_TICKET_BYTES,
  });
  if (opened.kind === 'refused') return refused(opened.because === 'bad-signature' ? 'bad-signature' : 'malformed');
  const read = Ticket.safeParse(opened.payload);
  if (!read.success) return refused('malformed');
  if (read.data.village !== context.villageId) return refused('foreign-village');
  if (read.data.exp * 1000 <= context.nowMs) return refused('expired');
  return { kind: 'ticket', ticket: read.data };
}

export type InviteRefusal = 'not-an-invite' | 'too-large' | TicketRefusal;
export type InviteVerdict =
  | { readonly kind: 'invite'; readonly invite: Invite; readonly ticket: Ticket }
  | { readonly kind: 'refused'; readonly because: InviteRefusal };

/** The one string that a person passes on. */
export function formatInvite(invite: Invite): string {
  return PREFIX + toBase64Url(utf8(canonicalJson(invite)));
}

/** Reads an invite string; spaces around it are forgiven, for it comes by copy and paste. */
export function parseInvite(input: string, nowMs: number): InviteVerdict {
  if (input.length > MAX_INVITE_BYTES) return refused('too-large');
  const line = input.trim();
  if (!line.startsWith(PREFIX)) return refused('not-an-invite');
  const read = Invite.safeParse(readJson(line.slice(PREFIX.length)));
  if (!read.success) return refused('malformed');
  const verdict = checkTicket(read.data.ticket, { villageId: read.data.village, nowMs });
  return verdict.kind === 'refused' ? verdict : { kind: 'invite', invite: read.data, ticket: verdict.ticket };
}

function readJson(encoded: string): unknown {
  const bytes = fromBase64Url(encoded);
  if (bytes === undefined) return undefined;
  try {
    return parseStrictJson(text(bytes));
  } catch {
    return undefined;
  }
}

function refused<Because extends InviteRefusal>(
  because: Because,
): { readonly kind: 'refused'; readonly because: Because } {
  return { kind: 'refused', because };
}
