import { jsonStringEnd, QUOTE } from './json-string-end.ts';

const COLON = 58;
const BRACE = 123;
const BRACKET = 91;
const END_BRACE = 125;
const END_BRACKET = 93;

/** What a JSON text may hold, whatever its bytes. */
export interface JsonLimits {
  /** Objects and arrays that lie in each other. */
  readonly depth: number;
  /** Objects and arrays. */
  readonly containers: number;
  /** Different names of members, all objects together: a new one costs a parser as much as a hundred bytes of text. */
  readonly names: number;
}

/**
 * What a JSON text has more of than it may; undefined: nothing. Looks at the text alone, once, so that it can be refused before it is
 * parsed. A name that is spelled in two ways counts as two. Of a text that is no JSON it may say anything.
 */
export function jsonExcess(text: string, { depth, containers, names }: JsonLimits): keyof JsonLimits | undefined {
  const known = new Set<string>();
  let deep = 0;
  let opened = 0;
  let from = 0;
  let to = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        from = at + 1;
        to = at = jsonStringEnd(text, at);
        break;
      case COLON:
        known.add(text.slice(from, to));
        if (known.size > names) return 'names';
        break;
      case BRACE:
      case BRACKET:
        deep += 1;
        opened += 1;
        if (deep > depth) return 'depth';
        if (opened > containers) return 'containers';
        break;
      case END_BRACE:
      case END_BRACKET:
        deep -= 1;
        break;
    }
  }
  return undefined;
}
