/** The families of attack that arguments are read for. */
export type ThreatFamily =
  | 'sql-injection'
  | 'command-injection'
  | 'path-traversal'
  | 'cross-site-scripting'
  | 'template-injection'
  | 'request-forgery'
  | 'header-injection'
  | 'directory-injection'
  | 'object-injection'
  | 'external-entity'
  | 'prompt-injection'
  | 'hidden-text'
  | 'secret-leaving';

/** Something in the arguments that an attack would look like. */
export interface Finding {
  readonly family: ThreatFamily;
  /** Where: the names on the way to the value, joined by dots; bounded. */
  readonly at: string;
  /** 0 to 1: how sure, of a value of this kind. */
  readonly score: number;
}

/** A number for each kind of value: what stands in a path is not what may stand in a text. */
export interface Weights {
  readonly path: number;
  readonly url: number;
  readonly word: number;
  readonly command: number;
  readonly code: number;
  readonly text: number;
  /** One line that is shown or becomes a header: a title, a subject; also a short text that is nothing but markup. Absent: as text. */
  readonly line?: number;
  /** A condition of a search. Absent: as text. */
  readonly filter?: number;
  /** The source of a template. Absent: 0, it may hold what code holds. */
  readonly template?: number;
}

/** What a signature weighs in a value of a kind. */
export function weightIn(weights: Weights, kind: keyof Weights): number {
  return weights[kind] ?? (kind === 'template' ? weights.code : weights.text);
}

/** What an expression found in a value says of it. */
export interface Signature {
  readonly family: ThreatFamily;
  /** Linear in the length of its input: no repetition inside a repetition, every gap bounded. */
  readonly pattern: RegExp;
  readonly weights: Weights;
}

/** An expression that something else is looked for after. */
export interface Hint {
  readonly pattern: RegExp;
}
