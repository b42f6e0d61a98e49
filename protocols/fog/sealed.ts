import type { z } from 'zod';
import { openJws, publicKeyOfPeerId } from '../../src/kernel/index.ts';
import { FogAd, MAX_MESSAGE_BYTES, ShardMap } from '../../src/fog/index.ts';
import { WireError } from '../wire/index.ts';
import {
  AD_TYPE,
  type Envelope,
  MAP_TYPE,
  MAX_AD_BYTES,
  MAX_MAP_BYTES,
  type Said,
  SIGNED_KINDS,
  SignedSaid,
  WORD_TYPE,
} from './schema.ts';

/** Between whom a message goes: node ids, and the village they are in. */
export interface Between {
  readonly village: string;
  readonly from: string;
  readonly to: string;
}

/** A compact JWS by this node's PeerId key. */
export type Sign = (typ: string, payload: Readonly<Record<string, unknown>>) => string;

/** A message as it travels: signed where its kind binds its sender. */
export function sealed(said: Said, between: Between, sign: Sign): Envelope {
  if (!SIGNED_KINDS.has(said.kind)) return { v: 1, said };
  return { v: 1, signed: sign(WORD_TYPE, { ...between, said }) };
}

/** What `between.from` said. Errors: WireError WIRE_MALFORMED, when it is not signed as it must be. */
export function unsealed(
  envelope: Extract<Envelope, { said: unknown } | { signed: unknown }>,
  between: Between,
): { readonly said: Said; readonly evidence?: string } {
  if ('said' in envelope) {
    const { said } = envelope;
    if (SIGNED_KINDS.has(said.kind)) throw new WireError('WIRE_MALFORMED', `an unsigned ${said.kind}`);
    // Spec fog/R4: nobody says for another that it was started anew.
    if (said.kind === 'hello' && said.node !== between.from)
      throw new WireError('WIRE_MALFORMED', 'a hello for another');
    return { said };
  }
  const opened = open(envelope.signed, {
    typ: WORD_TYPE,
    by: 'from',
    maxBytes: MAX_MESSAGE_BYTES,
    shape: SignedSaid,
  });
  const fits =
    opened?.village === between.village &&
    opened.from === between.from &&
    opened.to === between.to &&
    SIGNED_KINDS.has(opened.said.kind);
  if (!fits) throw new WireError('WIRE_MALFORMED', 'a signed message that does not hold');
  return { said: opened.said, evidence: envelope.signed };
}

/** The advertisement in `token`, if the node that it names signed it for this village; undefined otherwise. Never throws. */
export function openAd(token: string, village: string): FogAd | undefined {
  const ad = open(token, { typ: AD_TYPE, by: 'node', maxBytes: MAX_AD_BYTES, shape: FogAd });
  return ad && ad.village === village ? ad : undefined;
}

/** The shard map in `token`, if the owner that it names signed it for this village; undefined otherwise. Never throws. */
export function openMap(token: string, village: string): ShardMap | undefined {
  const map = open(token, { typ: MAP_TYPE, by: 'owner', maxBytes: MAX_MAP_BYTES, shape: ShardMap });
  return map && map.village === village ? map : undefined;
}

/** `by`: the member that names whose signature it must be. */
function open<Shape extends z.ZodType>(
  token: string,
  options: { readonly typ: string; readonly by: string; readonly maxBytes: number; readonly shape: Shape },
): z.infer<Shape> | undefined {
  const { typ, by, maxBytes, shape } = options;
  const opened = openJws(token, {
    ...{ typ, maxBytes },
    key: (_, { [by]: named }) => (typeof named === 'string' ? publicKeyOfPeerId(named) : undefined),
  });
  if (opened.kind === 'refused' || opened.header.kid !== undefined) return undefined;
  const parsed = shape.safeParse(opened.payload);
  return parsed.success ? parsed.data : undefined;
}
