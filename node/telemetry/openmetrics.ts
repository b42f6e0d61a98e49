export type Labels = Readonly<Record<string, string>>;

export const OPENMETRICS_CONTENT_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

export interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly unit?: 'seconds' | 'bytes' | undefined;
  readonly help: string;
  samples(): Iterable<string>;
}

/** All families as OpenMetrics text, version 1.0.0. */
export function exposition(families: Iterable<Family>): string {
  let out = '';
  for (const family of families) {
    const { name, type, unit, help } = family;
    out += `# TYPE ${name} ${type}\n`;
    if (unit !== undefined) out += `# UNIT ${name} ${unit}\n`;
    out += `# HELP ${name} ${escaped(help)}\n`;
    for (const sample of family.samples()) out += `${sample}\n`;
  }
  return `${out}# EOF\n`;
}

export function sample(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${number(value)}`;
}

function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}

/** Label values and help texts: backslash, quote and line feed, as the format asks. */
function escaped(text: string): string {
  return text.toWellFormed().replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`));
}

/** A value that is asked for when the text is made. */
export function gauge(
  about: { readonly name: string; readonly unit?: 'seconds' | 'bytes'; readonly help: string },
  read: () => number | Iterable<readonly [Labels, number]>,
): Family {
  return {
    ...about,
    type: 'gauge',
    *samples() {
      const value = read();
      if (typeof value === 'number') yield sample(about.name, {}, value);
      else for (const [labels, each] of value) yield sample(about.name, labels, each);
    },
  };
}

/** `name` is without `_total`, which the format puts on the sample. */
export function counter(
  about: { readonly name: string; readonly unit?: 'seconds' | 'bytes'; readonly help: string },
  read: () => number | Iterable<readonly [Labels, number]>,
): Family {
  return {
    ...about,
    type: 'counter',
    *samples() {
      const value = read();
      if (typeof value === 'number') yield sample(`${about.name}_total`, {}, value);
      else for (const [labels, each] of value) yield sample(`${about.name}_total`, labels, each);
    },
  };
}
