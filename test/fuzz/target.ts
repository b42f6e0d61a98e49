import fc from 'fast-check';

/** What a property saw, beside holding: a fuzzer that never gets past the first check has tried nothing. */
export type Seen = (what: string) => void;

/** Something that takes bytes from outside, and what must hold whatever they are. */
export interface Target<Input = unknown> {
  readonly name: string;
  readonly input: fc.Arbitrary<Input>;
  /** Throws where it does not hold. */
  readonly holds: (input: Input, seen: Seen) => Promise<void> | void;
  /** What must have been seen at least once in any run that is worth something. */
  readonly mustSee: readonly string[];
}

export interface Fuzzed {
  readonly name: string;
  readonly runs: number;
  readonly seen: ReadonlyMap<string, number>;
  /** Undefined: nothing was found. */
  readonly failure: string | undefined;
}

/** A machine that is busy with something else tries few inputs; of these all must be seen. */
const ENOUGH_RUNS = 500;
const LONGEST_REPORT = 8_000;

/** Tries a target for so long; the same seed gives the same inputs in the same order. */
export async function fuzz<Input>(target: Target<Input>, options: { seed: number; forMs: number }): Promise<Fuzzed> {
  const { name, input, holds, mustSee } = target;
  const seen = new Map<string, number>();
  const note: Seen = (what) => seen.set(what, (seen.get(what) ?? 0) + 1);
  let runs = 0;
  const property = fc.asyncProperty(input, async (value) => {
    runs += 1;
    await holds(value, note);
  });
  const details = await fc.check(property, {
    seed: options.seed,
    numRuns: Number.MAX_SAFE_INTEGER,
    interruptAfterTimeLimit: options.forMs,
    markInterruptAsFailure: false,
    endOnFailure: false,
  });
  const missing = runs < ENOUGH_RUNS ? [] : mustSee.filter((what) => !seen.has(what));
  const unseen = missing.length === 0 ? undefined : `never seen: ${missing.join(', ')}`;
  return { name, runs, seen, failure: details.failed ? reported(details) : unseen };
}

/** What went wrong first, then how to see it again; a counterexample can be long. */
function reported<Input>(details: fc.RunDetails<[Input]>): string {
  const { errorInstance: error } = details;
  const cause = error instanceof Error && error.cause !== undefined ? `, since ${String(error.cause)}` : '';
  return `${String(error)}${cause}\n${fc.defaultReportMessage(details) ?? ''}`.slice(0, LONGEST_REPORT);
}

/** For inputs of many kinds in one list. */
export function target<Input>(made: Target<Input>): Target {
  return made as unknown as Target;
}
