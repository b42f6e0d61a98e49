/** JSON read strictly, with what `JSON.parse` keeps to itself: where the text goes wrong, and that a key stands twice. */
export type JsonText =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'broken'; readonly line: number; readonly column: number; readonly problem: string };

const MAX_DEPTH = 64;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SPACE = /[ \t\r\n]*/y;
const WORDS = [
  ['true', true],
  ['false', false],
  ['null', null],
] as const;

class Broken extends Error {
  readonly at: number;
  readonly problem: string;

  constructor(at: number, problem: string) {
    super(problem);
    this.at = at;
    this.problem = problem;
  }
}

/** Reads `text` whole. The problem names keys and places, never a value: a configuration holds secrets. */
export function readJson(text: string): JsonText {
  const reader = new Reader(text.startsWith('\ufeff') ? text.slice(1) : text);
  try {
    return { kind: 'value', value: reader.whole() };
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    const before = reader.text.slice(0, error.at).split('\n');
    return { kind: 'broken', line: before.length, column: (before.at(-1)?.length ?? 0) + 1, problem: error.problem };
  }
}

class Reader {
  readonly text: string;
  #at = 0;

  constructor(text: string) {
    this.text = text;
  }

  whole(): unknown {
    const value = this.#value(0);
    if (this.#at < this.text.length) this.#fail('something follows the end of the JSON value');
    return value;
  }

  #value(depth: number): unknown {
    if (depth > MAX_DEPTH) this.#fail(`nested deeper than ${MAX_DEPTH}`);
    this.#take(SPACE);
    const value = this.#bare(depth);
    this.#take(SPACE);
    return value;
  }

  #bare(depth: number): unknown {
    const next = this.text[this.#at];
    if (next === '{') return this.#object(depth);
    if (next === '[') return this.#array(depth);
    if (next === '"') return this.#string();
    for (const [word, value] of WORDS) if (this.#skip(word)) return value;
    const number = this.#take(NUMBER);
    if (number === '') this.#fail(next === undefined ? 'the text ends too early' : 'expected a value');
    return Number(number);
  }

  #object(depth: number): Record<string, unknown> {
    const members = new Map<string, unknown>();
    this.#at += 1;
    this.#take(SPACE);
    while (!this.#skip('}')) {
      if (members.size > 0) this.#comma('}');
      const keyAt = this.#at;
      if (this.text[keyAt] !== '"') this.#fail('expected a key in double quotes');
      const key = this.#string();
      if (members.has(key)) throw new Broken(keyAt, `the key \`${key}\` stands twice`);
      this.#take(SPACE);
      if (!this.#skip(':')) this.#fail(`expected a colon after \`${key}\``);
      members.set(key, this.#value(depth + 1));
    }
    return Object.fromEntries(members);
  }

  #array(depth: number): unknown[] {
    const items: unknown[] = [];
    this.#at += 1;
    this.#take(SPACE);
    while (!this.#skip(']')) {
      if (items.length > 0) this.#comma(']');
      items.push(this.#value(depth + 1));
    }
    return items;
  }

  #comma(end: string): void {
    if (!this.#skip(',')) this.#fail(`expected a comma or ${end}`);
    this.#take(SPACE);
    if (this.text[this.#at] === end) this.#fail('a comma stands before the end');
  }

  #string(): string {
    const quoted = this.#take(STRING);
    if (quoted === '') this.#fail('a string that does not end, or holds a bare control character or a wrong escape');
    return JSON.parse(quoted) as string;
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #skip(literal: string): boolean {
    if (!this.text.startsWith(literal, this.#at)) return false;
    this.#at += literal.length;
    return true;
  }

  #fail(problem: string): never {
    throw new Broken(this.#at, problem);
  }
}
