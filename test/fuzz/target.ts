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

/** Fewer inputs than this say nothing of a target: it is tried for longer, and in the end has failed. */
const FEWEST_RUNS = 250;
/** The slowest target tries ninety a second on a machine that does nothing else. */
const LONGEST_MS = 30_000;
/** Of so many inputs all must be seen. */
const ENOUGH_RUNS = 500;
const LONGEST_REPORT = 8_000;

interface FuzzOptions {
  readonly seed: number;
  readonly forMs: number;
  /** Default 250, for which a target that is slow, or beside others, has 30 s. */
  readonly fewestRuns?: number | undefined;
  readonly longestMs?: number | undefined;
}

/** Tries a target for so long, and for longer where it comes to too few inputs; the same seed gives the same inputs in the same order. */
export async function fuzz<Input>(target: Target<Input>, options: FuzzOptions): Promise<Fuzzed> {
  const { name, input, holds, mustSee } = target;
  const { seed, forMs, fewestRuns = FEWEST_RUNS, longestMs = LONGEST_MS } = options;
  const seen = new Map<string, number>();
  const note: Seen = (what) => seen.set(what, (seen.get(what) ?? 0) + 1);
  const beganMs = performance.now();
  let runs = 0;
  const property = fc.asyncProperty(input, async (value) => {
    runs += 1;
    await holds(value, note);
  });
  const tried = (more: { readonly seed: number; readonly numRuns: number; readonly interruptAfterTimeLimit: number }) =>
    fc.check(property, { ...more, markInterruptAsFailure: false, endOnFailure: false });
  let details = await tried({ seed, numRuns: Number.MAX_SAFE_INTEGER, interruptAfterTimeLimit: forMs });
  const leftMs = longestMs - (performance.now() - beganMs);
  if (!hasFound(details) && runs < fewestRuns && leftMs > 0)
    details = await tried({ seed: seed + 1, numRuns: fewestRuns - runs, interruptAfterTimeLimit: leftMs });
  const missing = runs < ENOUGH_RUNS ? [] : mustSee.filter((what) => !seen.has(what));
  const unseen = missing.length === 0 ? undefined : `never seen: ${missing.join(', ')}`;
  const few = runs < fewestRuns ? `${runs} inputs are too few to say anything; ${fewestRuns} are wanted` : undefined;
  return { name, runs, seen, failure: hasFound(details) ? reported(details) : (unseen ?? few) };
}

/** One line for each target: how many inputs it saw, and what came of them. */
export function summaryOf({ name, runs, seen, failure }: Fuzzed): string {
  const counts = [...seen].map(([what, often]) => `${often} ${what}`).join(', ');
  return `${failure === undefined ? 'ok    ' : 'FAILED'} ${name}: ${runs} inputs (${counts})`;
}

/** Running out of time before the first input is a failure too, to fast-check. */
function hasFound<Input>({ failed, counterexample }: fc.RunDetails<[Input]>): boolean {
  return failed && counterexample !== null;
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
