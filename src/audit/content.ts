import { nearestDouble } from '../kernel/index.ts';
import { HIDDEN, hiddenArguments } from './command-secrets.ts';
import { withoutSecrets } from './secret-shapes.ts';

const MAX_CHARS = 8_000;
const MAX_TEXT = 1_000;
const MAX_ITEMS = 256;
/** Of each text: what is left of it when secrets are taken out may be all that is shown of it. */
const MAX_LOOKED = 4 * MAX_TEXT;
const LONGEST_KEY = 256;
/** Of a number that is kept as it is written; a longer one is a text. */
const LONGEST_NUMBER = 64;
const MAX_DEPTH = 12;
const CUT = '…';

/** Members whose value is a secret by what they are called. */
const SECRET_NAME =
  /pass(?:word|wd|phrase|code|key)?$|pwd$|secret|token|(?:api|access|private|signing|encryption|master|ssh)[-_]?key|credential|authori[sz]ation|cookie|mnemonic|seed[-_]?phrase|^auth$|^bearer$|^pin$|^otp$|^jwt$|^d$|signature|session[-_]?id/i;
/** An argument of a command line after which a secret comes, whatever the program. */
const SECRET_FLAG = /^--?(?:[a-z]{1,16}-){0,3}(?:(?:\w{0,10}store|key)?pass(?:word|wd|phrase)?|pwd|secret|token|key)$/i;
/** Members that name a program, beside one that has its arguments. */
const PROGRAM = ['command', 'cmd', 'program', 'executable', 'file', 'binary'];

/**
 * What was asked and answered, as JSON text of at most some 8,000 characters in which secrets are replaced: members by their name
 * (password, token, key and the like), and whatever has the shape of a key or a token. Long texts are cut, deep values left out.
 */
export function redactedContent(content: { readonly arguments?: unknown; readonly result?: unknown }): string {
  // Texts of which nothing but a secret is shown leave `chars` as it was, and cost as much to look through.
  const budget = { chars: MAX_CHARS, items: MAX_ITEMS, looked: 4 * MAX_CHARS };
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(content)) {
    if (value !== undefined) kept[name] = redacted(value, { budget, depth: MAX_DEPTH });
  }
  return JSON.stringify(kept);
}

interface Budget {
  chars: number;
  items: number;
  looked: number;
}

interface Place {
  readonly budget: Budget;
  readonly depth: number;
  /** Of a list: the program whose arguments these may be. */
  readonly program?: string;
}

function redacted(value: unknown, { budget, depth, program = '' }: Place): unknown {
  budget.items -= 1;
  if (budget.items < 0 || budget.chars <= 0 || depth === 0) return CUT;
  if (typeof value === 'string') return shortened(value, budget);
  if (typeof value !== 'object' || value === null) {
    budget.chars -= 8;
    return value;
  }
  if (nearestDouble(value) !== undefined) {
    const digits = JSON.stringify(value);
    if (digits.length > LONGEST_NUMBER) return shortened(digits, budget);
    budget.chars -= digits.length;
    return value;
  }
  if (Array.isArray(value)) {
    const clean = hiddenArguments(program, value);
    return each(clean, budget, (item, before) =>
      redacted(typeof item === 'string' && isFlag(before) ? HIDDEN : item, { budget, depth: depth - 1 }),
    );
  }
  const kept: Record<string, unknown> = {};
  const named = nameIn(value);
  const inside = { budget, depth: depth - 1, program: programIn(value) };
  for (const [name, member] of Object.entries(value)) {
    if (budget.items <= 0 || budget.chars <= 0) {
      kept[CUT] = CUT;
      break;
    }
    const shown = shortened(name, budget);
    const calls = name === 'value' ? named : name;
    kept[shown] = SECRET_NAME.test(calls) && isFilled(calls, member) ? HIDDEN : redacted(member, inside);
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

/** The program that `value` tells to start, where it has its arguments beside it. */
function programIn(value: object): string {
  const members = value as Readonly<Record<string, unknown>>;
  const program = PROGRAM.map((name) => members[name]).find((one) => typeof one === 'string');
  return typeof program === 'string' ? program : '';
}

function isFlag(argument: unknown): boolean {
  return typeof argument === 'string' && SECRET_FLAG.test(argument);
}

/** A flag, a number of tokens or a missing value under a secret's name gives nothing away. */
function isFilled(name: string, value: unknown): boolean {
  if (typeof value === 'number') return !/tokens$/i.test(name);
  return value !== null && value !== undefined && typeof value !== 'boolean' && value !== '';
}

/**
 * Secrets are looked for before the cut: half a key is still half a key. So is one that lies across the end of what is looked through,
 * where so much before it was taken out that the end would be shown.
 */
function shortened(text: string, budget: Budget): string {
  const looked = text.slice(0, MAX_LOOKED);
  if (looked.length > budget.looked) {
    budget.chars -= CUT.length + 4;
    return CUT;
  }
  budget.looked -= looked.length;
  const clean = withoutSecrets(looked);
  const whole = text.length === looked.length;
  const room = Math.max(0, Math.min(MAX_TEXT, budget.chars, whole ? clean.length : clean.length - LONGEST_KEY));
  const cut = clean.length > room || !whole ? `${clean.slice(0, room)}${CUT}` : clean;
  budget.chars -= JSON.stringify(cut).length + 2;
  return cut;
}
