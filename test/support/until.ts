export interface UntilOptions {
  /** How long to keep asking. Default 5000. */
  readonly timeoutMs?: number;
  /** How long to wait between two questions. Default 10. */
  readonly intervalMs?: number;
  /** Named in the failure: what was waited for. Default: the predicate's source. */
  readonly what?: string;
}

/**
 * Asks `predicate` until it answers something truthy and gives that answer; fails when the deadline passes, saying what was
 * waited for, the last answer, and the last error the predicate threw (a throwing predicate counts as "not yet").
 */
export async function until<T>(
  predicate: () => T | Promise<T>,
  options: UntilOptions = {},
): Promise<Exclude<T, false | 0 | '' | null | undefined>> {
  const { timeoutMs = 5_000, intervalMs = 10, what = predicate.toString() } = options;
  const deadlineAt = performance.now() + timeoutMs;
  let last: { readonly answer: unknown } | { readonly error: unknown } = { answer: undefined };
  while (true) {
    try {
      const answer = await within(predicate(), deadlineAt - performance.now());
      if (answer) return answer as Exclude<T, false | 0 | '' | null | undefined>;
      last = { answer };
    } catch (error) {
      last = { error };
    }
    const leftMs = deadlineAt - performance.now();
    if (leftMs <= 0) break;
    await new Promise((resolve) => setTimeout(resolve, Math.min(intervalMs, leftMs)));
  }
  const seen = 'error' in last ? `it threw: ${String(last.error)}` : `its last answer was ${show(last.answer)}`;
  throw new Error(`waited ${timeoutMs} ms in vain for: ${what}\n${seen}`, 'error' in last ? { cause: last.error } : {});
}

async function within<T>(answer: T | Promise<T>, leftMs: number): Promise<T> {
  if (!(answer instanceof Promise)) return answer;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the predicate itself did not answer in time')), Math.max(leftMs, 1));
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

function show(value: unknown): string {
  try {
    return JSON.stringify(value)?.slice(0, 500) ?? String(value);
  } catch {
    return String(value);
  }
}
