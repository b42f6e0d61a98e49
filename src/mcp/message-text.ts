import { jsonExcess, parseExactJson } from '../kernel/index.ts';
import { MAX_DEPTH } from './envelope.ts';

/** What the text of a request, or of a batch, may hold besides its bytes: with no more of it, it costs what its bytes are worth. */
const LIMITS = { depth: MAX_DEPTH, containers: 524_288, names: 16_384 };
/** Numbers that no double holds. */
const MAX_EXACT_NUMBERS = 16_384;
/** Of shorter text only the depth can be too much, and `readBody` looks at that. */
const SMALL = 4 * LIMITS.names;

const TOO_MUCH = {
  depth: 'nested too deeply',
  containers: `a body may have ${LIMITS.containers} objects and arrays`,
  names: `a body may have ${LIMITS.names} different names of members; send such data as an array of pairs, or as text`,
  numbers: `a body may have ${MAX_EXACT_NUMBERS} numbers that a double cannot hold; send them as strings`,
};

export type MessageText =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'not-json' }
  | { readonly kind: 'too-much'; readonly of: keyof typeof TOO_MUCH; readonly message: string };

/** The value of a message's text, with its numbers as they are written (see parseExactJson). Never throws. */
export function readMessageText(text: string): MessageText {
  const excess = text.length < SMALL ? undefined : jsonExcess(text, LIMITS);
  if (excess !== undefined) return tooMuch(excess);
  try {
    return { kind: 'value', value: parseExactJson(text, MAX_EXACT_NUMBERS) };
  } catch (error) {
    return error instanceof RangeError ? tooMuch('numbers') : { kind: 'not-json' };
  }
}

function tooMuch(of: keyof typeof TOO_MUCH): MessageText {
  return { kind: 'too-much', of, message: TOO_MUCH[of] };
}
