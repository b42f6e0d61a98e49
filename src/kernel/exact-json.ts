interface SourceOf {
  readonly source?: string;
}
/** The part of ECMAScript's JSON.parse source text access that TypeScript does not know yet. */
const json = JSON as unknown as {
  parse(text: string, reviver: (key: string, value: unknown, context: SourceOf) => unknown): unknown;
  rawJSON(text: string): object;
  isRawJSON(value: unknown): boolean;
};

/**
 * Where a number may stand that a double cannot hold; other text is parsed at full speed. The sixteen are spelled out, since V8 skips ahead
 * by what it knows of the next characters, and does not look into `{16}`: a fifth of the time.
 */
const SUSPECT = new RegExp(`${'[\\d.]'.repeat(16)}|[\\d.][eE][+-]?\\d\\d`);

/**
 * The value of a JSON text that is to be written again. A number that a double would change (an int64 id, 1e400) becomes an opaque
 * object that JSON.stringify writes as it stood; to any check that wants a number it is none. Throws SyntaxError as JSON.parse does.
 */
export function parseExactJson(text: string): unknown {
  if (!SUSPECT.test(text)) return JSON.parse(text);
  return json.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && isChanged(value, source) ? json.rawJSON(source) : value,
  );
}

/** The double nearest to a number kept by `parseExactJson`; undefined for anything else. */
export function nearestDouble(value: object): number | undefined {
  return json.isRawJSON(value) ? Number(JSON.stringify(value)) : undefined;
}

function isChanged(value: number, source: string): boolean {
  return !Number.isFinite(value) || significant(String(value)) !== significant(source);
}

/** The digits that matter: without sign, point, exponent, and the zeros at both ends. */
function significant(number: string): string {
  const mantissa = number.split(/[eE]/)[0] ?? '';
  return mantissa.replaceAll(/[-.]/g, '').replaceAll(/^0+|0+$/g, '');
}
