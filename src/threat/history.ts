/** What an agent did lately, as far as it bears on what it does now. Times are milliseconds of one clock that does not go back. */
export interface Conduct {
  /** Refusals for want of permission or token in the last five minutes. */
  readonly refusals: number;
  /** Different tools it was refused in the last ten minutes; counted up to 16. */
  readonly toolsRefused: number;
  /** Calls that failed or were refused in the last five minutes. */
  readonly failures: number;
  /** Calls in this minute, against what this agent usually makes in one; 1 is as usual. */
  readonly pace: number;
  /** It never called from here before, and did from elsewhere. */
  readonly isElsewhere: boolean;
}

const MINUTE = 60_000;
const WINDOW = 5;
const TOOL_WINDOW = 10 * MINUTE;
const MOST_TOOLS = 16;
const MOST_SOURCES = 8;
/** Calls a minute that are usual for any agent (the domain's figure); an agent that makes more has its own. */
const BASELINE = 30;
const LEARNING = 0.3;

/** The book of one agent: counters by the minute, a few names; of bounded size. */
export class History {
  #minute = 0;
  #minuteEndsMs = MINUTE;
  #calls = 0;
  #usual = BASELINE;
  #refusals: number[] | undefined;
  #failures: number[] | undefined;
  #tools: Map<string, number> | undefined;
  #sources: string[] = [];

  /** A call comes in. */
  began(source: string, nowMs: number): boolean {
    this.#advance(nowMs);
    this.#calls += 1;
    if (this.#sources.includes(source)) return false;
    const isElsewhere = this.#sources.length > 0;
    this.#sources.push(source);
    if (this.#sources.length > MOST_SOURCES) this.#sources.shift();
    return isElsewhere;
  }

  refused(tool: string, nowMs: number): void {
    this.#advance(nowMs);
    this.#refusals ??= [0, 0, 0, 0, 0];
    this.#count(this.#refusals);
    this.failed(nowMs);
    this.#tools ??= new Map();
    this.#tools.delete(tool);
    this.#tools.set(tool, nowMs);
    if (this.#tools.size > MOST_TOOLS) this.#tools.delete(this.#tools.keys().next().value as string);
  }

  failed(nowMs: number): void {
    this.#advance(nowMs);
    this.#failures ??= [0, 0, 0, 0, 0];
    this.#count(this.#failures);
  }

  conduct(isElsewhere: boolean, nowMs: number): Conduct {
    this.#advance(nowMs);
    return {
      refusals: sum(this.#refusals),
      toolsRefused: this.#recentTools(nowMs),
      failures: sum(this.#failures),
      pace: this.#calls / this.#usual,
      isElsewhere,
    };
  }

  #count(window: number[]): void {
    const at = this.#minute % WINDOW;
    window[at] = (window[at] ?? 0) + 1;
  }

  #recentTools(nowMs: number): number {
    if (this.#tools === undefined) return 0;
    for (const [tool, at] of this.#tools) {
      if (nowMs - at < TOOL_WINDOW) break;
      this.#tools.delete(tool);
    }
    return this.#tools.size;
  }

  #advance(nowMs: number): void {
    if (nowMs < this.#minuteEndsMs) return;
    const minute = Math.floor(nowMs / MINUTE);
    // The first minute of an agent says nothing of what is usual for it.
    const passed = Math.min(minute - this.#minute, WINDOW);
    if (this.#minute > 0) this.#usual = Math.max(BASELINE, this.#usual + LEARNING * (this.#calls - this.#usual));
    for (let step = 1; step <= passed; step += 1) {
      const at = (minute - passed + step) % WINDOW;
      if (this.#refusals !== undefined) this.#refusals[at] = 0;
      if (this.#failures !== undefined) this.#failures[at] = 0;
    }
    this.#minute = minute;
    this.#minuteEndsMs = (minute + 1) * MINUTE;
    this.#calls = 0;
  }
}

function sum(window: readonly number[] | undefined): number {
  return window === undefined ? 0 : window.reduce((all, one) => all + one, 0);
}
