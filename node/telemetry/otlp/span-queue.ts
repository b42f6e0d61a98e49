import type { SpanJson } from './span-json.ts';

/** Spans that wait for their collector: at most `max`, the rest are lost and counted. */
export class SpanQueue {
  readonly #max: number;
  #spans: SpanJson[] = [];
  #lost = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get length(): number {
    return this.#spans.length;
  }

  /** How many came when there was no room. */
  get lost(): number {
    return this.#lost;
  }

  add(span: SpanJson): void {
    if (this.#spans.length >= this.#max) this.#lost += 1;
    else this.#spans.push(span);
  }

  take(count: number): readonly SpanJson[] {
    const taken = this.#spans.slice(0, count);
    this.#spans = this.#spans.slice(count);
    return taken;
  }
}
