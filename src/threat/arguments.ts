import { CleanValues } from './clean-values.ts';
import { DISGUISED, disguises } from './disguises.ts';
import { type Finding, type Hint, type Signature, type ThreatFamily, weightIn } from './finding.ts';
import { GADGETS } from './gadgets.ts';
import { INJECTIONS } from './injections.ts';
import { type ParameterKind, parameterNamed } from './parameter-kind.ts';
import { MARKUP, PLACES_OUT_OF_BOUNDS } from './places.ts';
import { MARKERS, type Marker, promptInjection } from './prompts.ts';
import { RUNNING } from './running.ts';
import { SECRETS, secretLeaving } from './secrets.ts';
import { SHELL } from './shell.ts';
import { type Candidate, Sieve } from './sieve.ts';

/** Everything that is looked for, found by reading a text once. */
const SIEVE = new Sieve<Signature | Marker | Hint>([
  ...MARKERS,
  ...INJECTIONS,
  ...SHELL,
  ...PLACES_OUT_OF_BOUNDS,
  ...MARKUP,
  ...RUNNING,
  ...GADGETS,
  ...SECRETS,
  ...DISGUISED,
]);
type Candidates = readonly Candidate<Signature | Marker | Hint>[];

/** Letters, digits, and what stands in ids, dates and ordinary words: nothing that an expression looks for. */
const PLAIN = /^[\w ,:@-]*(?:\.[\w ,:@-]+)*$/;
/** Attacks that need no more than letters. */
const SAYING =
  /union|select|nc -|ncat|systemctl|history -|histfile|order by|waitfor|having|_schema|_catalog|sqlite_|sysobjects|all_tables|outfile|dumpfile|id_[rde]|RowSetImpl|TemplatesImpl|ObjectDataProvider|Diagnostics\.Process|functors\.|__proto|constructor\.|[A-Z]: ?$/i;
/** Where a machine's credentials are, by no more than letters and digits: it counts where a request would go. */
const LONE_ADDRESS =
  /(?:^|[@,:]) {0,4}(?:169\.254\.(?:169\.254|170\.2|43518)|metadata(?:\.google)?\.internal|fd00:ec2::254|100\.100\.100\.200|192\.0\.0\.192|0xa9fea9fe|2852039166)(?![\w-])/i;
const SURE = 0.8;
const isPlain = (value: string) => PLAIN.test(value) && !SAYING.test(value);
const CLEAN = new CleanValues();
const SHORTEST_INSTRUCTION = 20;
/** Scripts that write a word in one or two signs say as much in fewer. */
const DENSE = /[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]/;
const maySay = (text: string) => text.length >= SHORTEST_INSTRUCTION || (text.length >= 8 && DENSE.test(text));
const HEAD = 24_576;
const TAIL = 8_192;
/** Of a word, a path, an address or a line; none that is honest is as long. */
const SHORT_HEAD = 6_144;
const SHORT_TAIL = 2_048;
const isLong = (kind: ParameterKind) => kind === 'text' || kind === 'code' || kind === 'command' || kind === 'template';
/** Characters read of one call at full length; of each value after that, the beginning. */
const READ_AT_LENGTH = 131_072;
const BEGINNING = 1_024;
const MOST_VALUES = 4_096;
const DEEPEST = 32;
const LONGEST_PLACE = 120;
const OPERATORS = /^\$(?:ne|gt|gte|lt|lte|in|nin|regex|where|exists|or|and|not|nor|expr|function|jsonSchema)$/;
/** Operators of a document store that evaluate script. */
const RUNS = new Set(['$where', '$function', '$accumulator']);
const LEAVING_THE_OBJECT = new Set(['__proto__', 'prototype', 'constructor']);

/** A picture or a file as an address: nothing of it is read by anybody but its decoder. */
const INLINE_DATA = /^data:(?:image|audio|video|font|application)\/[\w.+-]{1,40};base64,[\w+/=\s]{0,64}/i;
const INLINE_HEAD = 16;
const CREDENTIAL = /(?:^|\.)(?:pass\w{0,6}|pwd|pin|otp|token|secret)$/i;
/** Of tests a filter chooses by their names, and these say anything. */
const NAMES_TESTS = /(?:^|[^a-z])tests?(?:$|[^a-z])/i;
/** What is searched for is shown to nobody, and people search for what they read of attacks. */
const SEARCHES = /(?:^|[^a-z])search(?:$|[^a-z])/i;
/** What is told an address by itself goes there; others may be asked what it is, or told to keep from it. */
const REQUESTS =
  /(?:^|[^a-z])(?:fetch|request|download|https?|curl|wget|crawl|scrape|browse|navigate|visit|open|ping)(?:$|[^a-z])/i;
/** A tool that keeps prompts is told in prompts. */
const KEEPS_PROMPTS = /(?:^|[^a-z])prompts?(?:$|[^a-z])/i;
const ORDERS_KEPT = 0.8;
/** A tool that keeps pages is given markup; what such a page takes, fetches or does by itself stays what it is. */
const KEEPS_PAGES = /(?:^|[^a-z])(?:pages?|html|site|website)(?:$|[^a-z])/i;
const REACHES_OUT =
  /cookie|storage|\beval\b|atob|fromcharcode|import|\/\/|javascript\s{0,4}:|data\s{0,4}:|srcdoc|\bon(?:error|load|begin|toggle|focus\w{0,2}|start|end|pointer\w{1,8}|mouse\w{1,8}|animation\w{1,8})\b/i;
const PAGE = /(?:^|\.)(?:body|contents?|text)$/i;
const isPage = (text: string, { at, tool }: { readonly at: string; readonly tool: string }) =>
  PAGE.test(at) && KEEPS_PAGES.test(tool) && !REACHES_OUT.test(text);
const isCredential = (at: string) => CREDENTIAL.test(at);
/** A short text that begins with what is no prose, nor a point of a list, a quoted line or a heading: it is there for the machine that shows it. */
const LONGEST_BARE = 300;
const isBare = (text: string) =>
  text.length <= LONGEST_BARE && /^\s{0,4}(?![*>#]{1,6}\s)(?:[<"'$#{*;|&%>)]|`(?!``)|javascript:|O:\d)/i.test(text);

interface Here {
  readonly value: unknown;
  readonly kind: ParameterKind;
  readonly at: string;
  readonly depth: number;
}

/**
 * Reads the arguments of a call for what an attack would put there, each value by what its parameter is for: a path may not climb,
 * a word may not hold a query, a text may hold anything people write. Bounded: values, depth, and length of each value
 * (the first 24 and the last 8 KiB are read, of a word, path, address or line 6 and 2 KiB, of the values after 128 KiB the first one). One finding a family, the strongest.
 */
export function suspicionsIn(args: unknown, tool: string): readonly Finding[] {
  if (typeof args !== 'object' || args === null || isEmpty(args)) return NOTHING;
  let found: Map<ThreatFamily, Finding> | undefined;
  const note = (finding: Finding) => {
    found ??= new Map();
    const known = found.get(finding.family);
    if (known === undefined || known.score < finding.score) found.set(finding.family, finding);
  };
  let left = READ_AT_LENGTH;
  const isTests = NAMES_TESTS.test(tool);
  const open: Here[] = [{ value: args, kind: 'text', at: '', depth: 0 }];
  for (let seen = 0; open.length > 0 && seen < MOST_VALUES; seen += 1) {
    const here = open.pop() as Here;
    if (typeof here.value === 'string') {
      const text = left > 0 ? here.value : here.value.slice(0, BEGINNING);
      left -= Math.min(text.length, HEAD + TAIL);
      readText(text, isTests && here.kind === 'filter' ? { ...here, kind: 'text' } : here, tool, note);
    } else if (typeof here.value === 'object' && here.value !== null) openUp(here, open, note);
  }
  return found === undefined ? NOTHING : [...found.values()];
}

const NOTHING: readonly Finding[] = [];

function isEmpty(value: object): boolean {
  for (const key in value) if (Object.hasOwn(value, key)) return false;
  return true;
}

function openUp(here: Here, open: Here[], note: (finding: Finding) => void): void {
  if (here.depth >= DEEPEST) return;
  const { value, kind, at } = here;
  const depth = here.depth + 1;
  if (Array.isArray(value)) {
    for (const item of value.slice(0, MOST_VALUES - open.length)) open.push({ value: item, kind, at, depth });
    return;
  }
  const keys = Object.keys(value as object);
  const most = Math.min(keys.length, MOST_VALUES - open.length);
  let isFile: boolean | undefined;
  for (let number = 0; number < most; number += 1) {
    const key = keys[number] as string;
    const named = parameterNamed(key);
    const place = (at === '' ? key : `${at}.${key}`).slice(0, LONGEST_PLACE);
    if (named.isLoaded) {
      const score = loaded(key, here);
      if (score > 0) note({ family: 'object-injection', at: place, score });
    }
    if (named.isOdd) readText(key, { value: key, kind: 'word', at: place, depth }, '', note);
    // What goes into a file is code, beside the path that says where.
    if (named.isContent) isFile ??= depth <= 3 && keys.some((other) => parameterNamed(other).kind === 'path');
    const own = named.isContent && isFile === true ? 'code' : named.kind;
    open.push({
      value: (value as Record<string, unknown>)[key],
      // A table of commands has any names in it.
      kind: (!named.isTold && own === 'text' && depth > 1) || kind === 'command' ? kind : own,
      at: place,
      depth,
    });
  }
}

/** What the name of a field alone says against it. */
function loaded(key: string, { kind, at, depth }: Here): number {
  if (key === '__proto__' || (key === 'prototype' && at.endsWith('constructor'))) return 0.95;
  if (LEAVING_THE_OBJECT.has(key)) return 0.5;
  // A word with operators in it: the password that is "not equal to nothing".
  if (kind === 'word' && OPERATORS.test(key) && (depth === 1 || isCredential(at))) return 0.92;
  return RUNS.has(key) ? 0.85 : 0;
}

function readText(value: string, { kind, at }: Here, tool: string, note: (finding: Finding) => void): void {
  if (CLEAN.knows(value, kind)) return;
  if (value.length < SHORTEST_INSTRUCTION && isPlain(value) && !LONE_ADDRESS.test(value)) return;
  let isClean = true;
  const found = (finding: Finding) => {
    isClean = false;
    note(finding);
  };
  const [head, tail] = isLong(kind) ? [HEAD, TAIL] : [SHORT_HEAD, SHORT_TAIL];
  const whole = INLINE_DATA.test(value) ? value.slice(0, INLINE_HEAD) : value;
  const text = whole.length <= head + tail ? whole : `${whole.slice(0, head)}\n${whole.slice(-tail)}`;
  const candidates = SIEVE.candidates(text);
  look(text, { odd: 0, candidates });
  const secret = secretLeaving(text, { kind, tool, candidates });
  // How bad a secret is depends on the tool, and the memory knows of none.
  if (secret > 0) found({ family: 'secret-leaving', at, score: secret });
  for (const { text: behind, odd } of disguises(text, candidates)) {
    const inside = SIEVE.candidates(behind);
    const hidden = secretLeaving(behind, { kind, tool, candidates: inside });
    if (hidden > secret) found({ family: 'secret-leaving', at, score: hidden });
    if (odd >= 0.3 && kind !== 'code') found({ family: 'hidden-text', at, score: odd });
    look(behind, { odd, candidates: inside });
  }
  if (isClean) CLEAN.add(value, kind);

  function look(
    what: string,
    { odd, candidates: mine }: { readonly odd: number; readonly candidates: Candidates },
  ): void {
    if (mine.length === 0) return;
    if (maySay(what)) {
      const orders = promptInjection(what, { kind, candidates: mine });
      const score = orders > 0 && kind === 'text' && KEEPS_PROMPTS.test(tool) ? orders * ORDERS_KEPT : orders;
      if (score > 0) found({ family: 'prompt-injection', at, score: raised(score, odd) });
    }
    let as: ParameterKind | undefined;
    for (const { rule, pattern } of mine) {
      if (!('weights' in rule)) continue;
      as ??= kind === 'text' && !SEARCHES.test(tool) && isBare(what) ? 'line' : kind;
      // However it begins, a text has lines, and some of them look like headers.
      const isRead =
        rule.family === 'header-injection' || (rule.family === 'cross-site-scripting' && isPage(what, { at, tool }));
      const weight = weightIn(rule.weights, isRead ? kind : as);
      if (weight === 0 || !pattern.test(what)) continue;
      if (isPlain(what) && !(weight > SURE && LONE_ADDRESS.test(what) && REQUESTS.test(tool))) return;
      found({ family: rule.family, at, score: raised(weight, odd) });
    }
  }
}

/** Nobody hides what is harmless: odd writing makes what it hides likelier to be meant. */
function raised(score: number, odd: number): number {
  return score + (1 - score) * odd * score;
}
