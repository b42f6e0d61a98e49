const MAX_CHARS = 8_000;
const MAX_TEXT = 1_000;
const MAX_ITEMS = 256;
const MAX_DEPTH = 12;
const HIDDEN = '[secret]';
const CUT = '…';

/** Members whose value is a secret by what they are called. */
const SECRET_NAME =
  /pass(?:word|wd|phrase|code|key)?$|pwd$|secret|token|(?:api|access|private|signing|encryption|master|ssh)[-_]?key|credential|authori[sz]ation|cookie|mnemonic|seed[-_]?phrase|^auth$|^bearer$|^pin$|^otp$|^jwt$|^d$|signature|session[-_]?id/i;
/** An argument of a command line after which a secret comes. */
const SECRET_FLAG = /^--?(?:[a-z]{1,16}-){0,3}(?:pass(?:word|wd|phrase)?|pwd|secret|token|key)$/i;

/** What is a secret by its shape, wherever it stands. Each is linear in what it reads. */
const SECRET_SHAPES = [
  /-----BEGIN [A-Z ]{0,32}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z ]{0,32}PRIVATE KEY(?: BLOCK)?-----|$)/g,
  /\beyJ[\w-]{4,}\.[\w-]+\.[\w-]*/g,
  /(?<=\b(?:Bearer|Basic)\s{1,4})[\w.~+/=-]{8,}/gi,
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bxox[abeoprs]-[\w-]{10,}|\bsk-[\w-]{20,}|\bsk_live_\w{16,}|\bAIza[\w-]{30,}|\bglpat-[\w-]{20,}|\bnpm_\w{30,}|\bhf_\w{30,}/g,
  /(?<=[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@]{0,64}:)[^\s/@]{1,256}(?=@)/gi,
  /(?<=(?:(?<![a-z])(?:pass|pwd)|pass(?:word|wd|phrase)|secret|token|(?:api|access|private|signing)[-_]?key)\\{0,4}["']?\s{0,4}[=:]\s{0,4}\\{0,4}["']?)[^\s"'&,;\\]{4,}/gi,
  /(?<=[?&](?:key|sig)=)[^\s"'&]{8,}/gi,
  /(?<=\s--?(?:[a-z]{1,16}-){0,3}(?:pass(?:word|wd|phrase)?|pwd|secret|token|key)\s{1,4}["']?)[^\s"'-][^\s"']{3,}/gi,
  /(?<=\bauthorization["']?:\s{0,4}["']?(?:[\w-]{1,16}\s{1,4})?)[^\s"',;]{8,}/gi,
  /(?<=\bcookie["']?:\s{0,4}["']?)[^\n"'[]{4,}/gi,
];

/**
 * What was asked and answered, as JSON text of at most some 8,000 characters in which secrets are replaced: members by their name
 * (password, token, key and the like), and whatever has the shape of a key or a token. Long texts are cut, deep values left out.
 */
export function redactedContent(content: { readonly arguments?: unknown; readonly result?: unknown }): string {
  const budget = { chars: MAX_CHARS, items: MAX_ITEMS };
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(content)) {
    if (value !== undefined) kept[name] = redacted(value, budget, MAX_DEPTH);
  }
  return JSON.stringify(kept);
}

interface Budget {
  chars: number;
  items: number;
}

function redacted(value: unknown, budget: Budget, depth: number): unknown {
  budget.items -= 1;
  if (budget.items < 0 || budget.chars <= 0 || depth === 0) return CUT;
  if (typeof value === 'string') return shortened(value, budget);
  if (typeof value !== 'object' || value === null) {
    budget.chars -= 8;
    return value;
  }
  if (Array.isArray(value)) {
    return each(value, budget, (item, before) =>
      typeof item === 'string' && isFlag(before) ? HIDDEN : redacted(item, budget, depth - 1),
    );
  }
  const kept: Record<string, unknown> = {};
  const named = nameIn(value);
  for (const [name, member] of Object.entries(value)) {
    if (budget.items <= 0 || budget.chars <= 0) {
      kept[CUT] = CUT;
      break;
    }
    const shown = shortened(name, budget);
    const calls = name === 'value' ? named : name;
    kept[shown] = SECRET_NAME.test(calls) && isFilled(calls, member) ? HIDDEN : redacted(member, budget, depth - 1);
  }
  return kept;
}

function each(
  values: readonly unknown[],
  budget: Budget,
  keep: (value: unknown, before: unknown) => unknown,
): unknown[] {
  const kept: unknown[] = [];
  for (const [index, value] of values.entries()) {
    if (budget.items <= 0 || budget.chars <= 0) return [...kept, CUT];
    kept.push(keep(value, values[index - 1]));
  }
  return kept;
}

/** What a pair such as `{name, value}` calls its value. */
function nameIn(pair: object): string {
  const { name, key } = pair as { readonly name?: unknown; readonly key?: unknown };
  if (typeof name === 'string') return name;
  return typeof key === 'string' ? key : '';
}

function isFlag(argument: unknown): boolean {
  return typeof argument === 'string' && SECRET_FLAG.test(argument);
}

/** A flag, a number of tokens or a missing value under a secret's name gives nothing away. */
function isFilled(name: string, value: unknown): boolean {
  if (typeof value === 'number') return !/tokens$/i.test(name);
  return value !== null && value !== undefined && typeof value !== 'boolean' && value !== '';
}

/** Secrets are looked for before the cut: half a key is still half a key. */
function shortened(text: string, budget: Budget): string {
  const looked = text.slice(0, 4 * MAX_TEXT);
  const clean = SECRET_SHAPES.reduce((kept, shape) => kept.replace(shape, HIDDEN), looked);
  const room = Math.min(MAX_TEXT, Math.max(0, budget.chars));
  const cut = clean.length > room || text.length > looked.length ? `${clean.slice(0, room)}${CUT}` : clean;
  budget.chars -= JSON.stringify(cut).length + 2;
  return cut;
}
