import { type Family, type Labels, sample } from './openmetrics.ts';

interface Series {
  readonly labels: Labels;
  readonly buckets: Float64Array;
  sum: number;
}

export interface HistogramOptions {
  readonly name: string;
  readonly help: string;
  /** Upper bounds in seconds, rising; the last bucket (+Inf) is added. */
  readonly bounds: readonly number[];
  /** Different label sets kept; what comes beyond them is counted under `other`. */
  readonly maxSeries: number;
  /** The labels of that one. */
  readonly other: Labels;
}

/** Durations in seconds by label set, in bounded memory. */
export class Histogram implements Family {
  readonly name: string;
  readonly type = 'histogram';
  readonly unit = 'seconds';
  readonly help: string;
  readonly #options: HistogramOptions;
  readonly #series = new Map<string, Series>();
  #other: Series | undefined;

  constructor(options: HistogramOptions) {
    this.#options = options;
    this.name = options.name;
    this.help = options.help;
  }

  /** `key` names the label set. `opens: false`: count under `other` unless the set is known already. */
  observe(key: string, seconds: number, options: { readonly labels: () => Labels; readonly opens?: boolean }): void {
    const series = this.#series.get(key) ?? this.#newSeries(key, options);
    const { bounds } = this.#options;
    let at = 0;
    while (at < bounds.length && seconds > (bounds[at] as number)) at += 1;
    series.buckets[at] = (series.buckets[at] as number) + 1;
    series.sum += seconds;
  }

  *samples(): Iterable<string> {
    for (const series of this.#series.values()) yield* this.#samplesOf(series);
    if (this.#other !== undefined) yield* this.#samplesOf(this.#other);
  }

  #newSeries(key: string, options: { readonly labels: () => Labels; readonly opens?: boolean }): Series {
    const { maxSeries, other } = this.#options;
    if (options.opens === false || this.#series.size >= maxSeries) {
      this.#other ??= this.#empty(other);
      return this.#other;
    }
    const series = this.#empty(options.labels());
    this.#series.set(key, series);
    return series;
  }

  #empty(labels: Labels): Series {
    return { labels, buckets: new Float64Array(this.#options.bounds.length + 1), sum: 0 };
  }

  *#samplesOf({ labels, buckets, sum }: Series): Iterable<string> {
    let count = 0;
    for (const [at, inBucket] of buckets.entries()) {
      count += inBucket;
      const bound = this.#options.bounds[at];
      yield sample(`${this.name}_bucket`, { ...labels, le: bound === undefined ? '+Inf' : canonical(bound) }, count);
    }
    yield sample(`${this.name}_count`, labels, count);
    yield sample(`${this.name}_sum`, labels, sum);
  }
}

/** `1.0`, not `1`: OpenMetrics wants bounds in one spelling. */
function canonical(bound: number): string {
  return Number.isInteger(bound) ? bound.toFixed(1) : String(bound);
}
