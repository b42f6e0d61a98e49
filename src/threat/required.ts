/**
 * What a text must hold for an expression to match it at all: each list is "at least one of these strings" (in lower case, `OTHER` for
 * what is not ASCII), and all lists must be met. Empty: nothing is known, any text may match.
 */
export type Required = readonly (readonly string[])[];

/** Stands for any character beyond ASCII. */
export const OTHER = '\x7f';

/** What one part of an expression says: every text it can match, when these are few; otherwise what such a text holds. */
interface Part {
  readonly exact?: readonly string[];
  readonly holds: Required;
}

const MOST_EXACT = 224;
const FEW_SIGNS = 26;
/** Wider sets of characters say nothing. */
const WIDEST = 40;
const UNKNOWN: Part = { holds: [] };
const NOTHING: Part = { exact: [''], holds: [] };
const DIGITS = '0123456789';
const CONTROLS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v', '0': '\0' };

/** The alternatives at the top of an expression, each an expression of its own; one with groups that are referred to stays whole. */
export function alternativesOf(pattern: RegExp): readonly RegExp[] {
  if (/\\[1-9]/.test(pattern.source)) return [pattern];
  const reader = new Reader(pattern.source);
  reader.alternatives();
  return reader.tops.length < 2 ? [pattern] : reader.tops.map((source) => new RegExp(source, pattern.flags));
}

/** Reads an expression for what each match must hold. */
export function requiredBy({ source, flags }: RegExp): Required {
  const { exact, holds } = new Reader(source).alternatives();
  const all = exact === undefined ? holds : [exact];
  // Under `iu` letters beyond ASCII (ſ, K) stand for letters of ASCII too.
  const wide = flags.includes('u') ? all.map((strings) => [...strings, OTHER]) : all;
  return wide.filter((strings) => !strings.includes(''));
}

/** A reader of the expressions that are written here: what it doesn't know, it takes for text that may be anything. */
class Reader {
  readonly #source: string;
  #at = 0;
  #depth = 0;
  /** The alternatives outside of any group. */
  readonly tops: string[] = [];

  constructor(source: string) {
    this.#source = source;
  }

  alternatives(): Part {
    const parts: Part[] = [];
    this.#depth += 1;
    for (;;) {
      const from = this.#at;
      parts.push(this.#sequence());
      if (this.#depth === 1) this.tops.push(this.#source.slice(from, this.#at));
      if (this.#source[this.#at] !== '|') break;
      this.#at += 1;
    }
    this.#depth -= 1;
    return anyOf(parts);
  }

  #sequence(): Part {
    const parts: Part[] = [];
    while (this.#at < this.#source.length && this.#source[this.#at] !== '|' && this.#source[this.#at] !== ')') {
      parts.push(this.#repeated(this.#atom()));
    }
    return inOrder(parts);
  }

  #repeated(part: Part): Part {
    const [, digits, one] =
      /^(?:\{(\d+)(?:,\d*)?\}|([*+?]))\??/.exec(this.#source.slice(this.#at, this.#at + 16)) ?? [];
    if (digits === undefined && one === undefined) return part;
    const isFixed = /^\{\d+\}/.test(this.#source.slice(this.#at, this.#at + 16));
    this.#at += (
      /^(?:\{[\d,]+\}|[*+?])\??/.exec(this.#source.slice(this.#at, this.#at + 16)) as RegExpExecArray
    )[0].length;
    if (one === '?' && part.exact !== undefined) return { exact: ['', ...part.exact], holds: [] };
    const atLeast = digits === undefined ? (one === '+' ? 1 : 0) : Number(digits);
    if (atLeast === 0) return UNKNOWN;
    const times = Array.from({ length: Math.min(atLeast, 4) }, () => part);
    return inOrder(isFixed && atLeast <= 4 ? times : [...times, UNKNOWN]);
  }

  #atom(): Part {
    const sign = this.#source[this.#at] as string;
    this.#at += 1;
    switch (sign) {
      case '(':
        return this.#group();
      case '[':
        return this.#set();
      case '\\':
        return this.#escape();
      case '.':
        return UNKNOWN;
      case '^':
      case '$':
        return NOTHING;
      default:
        return { exact: [folded(sign)], holds: [] };
    }
  }

  #group(): Part {
    const [opening] = /^(?:\?(?:[:=!]|<[=!]|<\w+>))?/.exec(
      this.#source.slice(this.#at, this.#at + 32),
    ) as RegExpExecArray;
    this.#at += opening.length;
    const inside = this.alternatives();
    this.#at += 1;
    return /[=!]$/.test(opening) ? NOTHING : inside;
  }

  #escape(): Part {
    const sign = this.#source[this.#at] as string;
    if (/[bB]/.test(sign)) {
      this.#at += 1;
      return NOTHING;
    }
    const signs = this.#escaped();
    return signs === undefined ? UNKNOWN : ofSigns(signs);
  }

  /** The characters that an escape stands for; undefined: too many to name. */
  #escaped(): readonly string[] | undefined {
    const [whole, hex, long, brace] = /^(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|[up]\{([^}]*)\}|P\{[^}]*\}|.)/s.exec(
      this.#source.slice(this.#at, this.#at + 40),
    ) as RegExpExecArray;
    this.#at += whole.length;
    if (whole[0] === 'p' || whole[0] === 'P') return undefined;
    const code = hex ?? long ?? brace;
    if (code !== undefined) return [folded(String.fromCodePoint(Number.parseInt(code, 16)))];
    if (whole === 'd') return DIGITS.split('');
    if (/[wWsSD1-9k]/.test(whole)) return undefined;
    return [folded(CONTROLS[whole] ?? whole)];
  }

  #set(): Part {
    const isNegated = this.#source[this.#at] === '^';
    if (isNegated) this.#at += 1;
    const signs = new Set<string>();
    let isWide = isNegated;
    let last: string | undefined;
    while (this.#source[this.#at] !== ']') {
      const isRange = last !== undefined && this.#source[this.#at] === '-' && this.#source[this.#at + 1] !== ']';
      if (isRange) this.#at += 1;
      const next = this.#signInSet();
      if (next === undefined || (isRange && next.length !== 1)) isWide = true;
      else if (isRange) for (const sign of between(last as string, next[0] as string)) signs.add(sign);
      else for (const sign of next) signs.add(folded(sign));
      last = isRange || next?.length !== 1 ? undefined : next[0];
    }
    this.#at += 1;
    return isWide ? UNKNOWN : ofSigns([...signs]);
  }

  #signInSet(): readonly string[] | undefined {
    const sign = this.#source[this.#at] as string;
    this.#at += 1;
    return sign === '\\' ? this.#escaped() : [sign];
  }
}

function* between(first: string, last: string): Generator<string> {
  if (last.charCodeAt(0) >= 127) yield OTHER;
  for (let code = first.charCodeAt(0); code <= last.charCodeAt(0) && code < 127; code += 1)
    yield folded(String.fromCharCode(code));
}

function folded(sign: string): string {
  return sign.charCodeAt(0) >= 127 ? OTHER : sign.toLowerCase();
}

function ofSigns(signs: readonly string[]): Part {
  if (signs.length <= FEW_SIGNS) return { exact: signs, holds: [] };
  return signs.length <= WIDEST ? { holds: [signs] } : UNKNOWN;
}

function inOrder(parts: readonly Part[]): Part {
  const holds: (readonly string[])[] = [];
  let run: readonly string[] = [''];
  let isExact = true;
  for (const part of parts) {
    if (part.exact === undefined) {
      holds.push(run, ...part.holds);
      run = [''];
      isExact = false;
    } else if (run.length * part.exact.length <= MOST_EXACT) {
      run = run.flatMap((before) => (part.exact as readonly string[]).map((after) => before + after));
    } else {
      holds.push(run);
      run = part.exact;
      isExact = false;
    }
  }
  if (isExact) return { exact: run, holds: [] };
  return { holds: [...holds, run].filter((strings) => !strings.includes('')) };
}

function anyOf(parts: readonly Part[]): Part {
  if (parts.length === 1) return parts[0] as Part;
  const exact = parts.flatMap((part) => part.exact ?? []);
  if (parts.every((part) => part.exact !== undefined) && exact.length <= MOST_EXACT) return { exact, holds: [] };
  const best = parts.map((part) => rarest(part.exact === undefined ? part.holds : [part.exact]));
  return best.some((strings) => strings === undefined)
    ? UNKNOWN
    : { holds: [best.flatMap((strings) => strings ?? [])] };
}

function rarest(holds: Required): readonly string[] | undefined {
  let best: readonly string[] | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const strings of holds) {
    const chance = strings.includes('') ? least : chanceOf(strings);
    if (chance >= least) continue;
    best = strings;
    least = chance;
  }
  return best;
}

const LETTERS = ' etaoinsrhldcumfpgwybvkxjqz';
/** What stands between words and numbers of ordinary prose. */
const COMMON = '.,-:/\n';
const CHANCES = Float64Array.from({ length: 128 }, (_, code) => {
  const letter = LETTERS.indexOf(String.fromCharCode(code));
  if (letter >= 0) return 0.18 * 0.87 ** letter;
  return COMMON.includes(String.fromCharCode(code)) ? 0.01 : 0.003;
});

/** About how often one of these stands in 200 characters of prose, by what is looked for of it: four characters, two, or one. */
export function chanceOf(strings: readonly string[]): number {
  return strings.reduce((all, string) => all + 200 * chance(gramOf(string)), 0);
}

/** The rarest four characters of a string; of a shorter one the rarest two; or its only one. */
export function gramOf(string: string): string {
  const length = string.length >= 4 ? 4 : Math.min(string.length, 2);
  let best = string.slice(0, length);
  for (let at = 1; at + length <= string.length; at += 1) {
    const next = string.slice(at, at + length);
    if (chance(next) < chance(best)) best = next;
  }
  return best;
}

function chance(gram: string): number {
  let all = 1;
  for (let at = 0; at < gram.length; at += 1) all *= CHANCES[gram.charCodeAt(at)] as number;
  return all;
}
