/** One family of an exposition, read strictly by OpenMetrics 1.0.0. */
export interface MetricFamily {
  readonly name: string;
  readonly type: string;
  readonly unit: string | undefined;
  readonly help: string;
  readonly samples: readonly MetricSample[];
}

export interface MetricSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total', '_created'],
  gauge: [''],
  histogram: ['_bucket', '_count', '_sum', '_created'],
};
const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/**
 * Reads an exposition or throws what is against the format: the order of TYPE, UNIT and HELP, names and their suffixes, units in names,
 * families and label sets in one piece, no sample twice, escapes, numbers, buckets that rise to +Inf and agree with the count, and the end.
 */
export function readOpenMetrics(text: string): readonly MetricFamily[] {
  const lines = text.split('\n');
  must(lines.pop() === '', 'it ends with a line feed');
  must(lines.pop() === '# EOF', 'its last line is # EOF');
  const families: (MetricFamily & { readonly samples: MetricSample[] })[] = [];
  const said = new Set<string>();
  for (const line of lines) {
    const [, word, name = '', rest = ''] = /^# (\S+) (\S+) (.*)$/s.exec(line) ?? [];
    if (word === 'TYPE') {
      must(NAME.test(name) && Object.hasOwn(SUFFIXES, rest), line);
      must(!families.some((family) => family.name === name), `${name} is in two pieces`);
      families.push({ name, type: rest, unit: undefined, help: '', samples: [] });
      continue;
    }
    const family = families.at(-1);
    if (family === undefined) throw new Error(`before any family: ${line}`);
    if (word !== undefined) {
      must((word === 'UNIT' || word === 'HELP') && name === family.name, line);
      must(family.samples.length === 0 && !said.has(`${word} ${name}`), `late or twice: ${line}`);
      said.add(`${word} ${name}`);
      if (word === 'UNIT') must(name.endsWith(`_${rest}`), `${name} does not end in its unit ${rest}`);
      Object.assign(family, word === 'UNIT' ? { unit: rest } : { help: unescaped(rest) });
      continue;
    }
    family.samples.push(sampleIn(line, family));
  }
  for (const family of families) checkFamily(family);
  return families;
}

function sampleIn(line: string, { name: family, type }: MetricFamily): MetricSample {
  const [, name = '', labels, value = ''] = /^([^\s{]+)(?:\{(.*)\})? (\S+)$/s.exec(line) ?? [];
  must(
    (SUFFIXES[type] ?? []).some((suffix) => name === family + suffix),
    `not of ${family}: ${line}`,
  );
  return { name, labels: labels === undefined ? {} : labelsIn(labels), value: numberIn(value) };
}

function labelsIn(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let at = 0;
  while (at < text.length) {
    const found = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,(?=.)|$)/s.exec(text.slice(at));
    if (found === null) throw new Error(`labels: ${text}`);
    const [all, name = '', value = ''] = found;
    must(!Object.hasOwn(labels, name), `${name} twice: ${text}`);
    labels[name] = unescaped(value);
    at += all.length;
  }
  return labels;
}

function checkFamily({ name, type, samples }: MetricFamily): void {
  const ids = samples.map((sample) => JSON.stringify([sample.name, sorted(sample.labels)]));
  must(new Set(ids).size === ids.length, `${name}: a sample twice`);
  // The samples of one label set stand together.
  const sets = samples.map(({ labels: { le: _, ...labels } }) => JSON.stringify(sorted(labels)));
  must(sets.filter((set, at) => set !== sets[at - 1]).length === new Set(sets).size, `${name}: label sets interleave`);
  if (type === 'gauge') return;
  for (const { name: of, value } of samples) must(value >= 0, `${of} is below 0`);
  if (type !== 'histogram') return;
  for (const set of new Set(sets)) {
    const mine = samples.filter((_, at) => sets[at] === set);
    const buckets = mine.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => numberIn(labels['le'] ?? ''));
    must(
      bounds.every((bound, at) => at === 0 || bound > (bounds[at - 1] as number)),
      `${name}: bounds do not rise`,
    );
    must(bounds.at(-1) === Number.POSITIVE_INFINITY, `${name}: no bucket +Inf`);
    must(
      buckets.every(({ value }, at) => at === 0 || value >= (buckets[at - 1]?.value ?? 0)),
      `${name}: not cumulative`,
    );
    const count = mine.find((sample) => sample.name === `${name}_count`);
    must(count?.value === buckets.at(-1)?.value, `${name}: count and +Inf differ`);
  }
}

function sorted(labels: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1));
}

function numberIn(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  must(NUMBER.test(text), `no number: ${text}`);
  return Number(text);
}

function unescaped(text: string): string {
  return text.replace(/\\(.?)/g, (escape, char: string) => {
    must(char !== '' && '\\n"'.includes(char), `an unknown escape: ${escape}`);
    return char === 'n' ? '\n' : char;
  });
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`against OpenMetrics: ${what}`);
}
