const PACE_MS = 1_000;
const MAX_NAMES = 4_096;

/** Tells of each name at once, and then at most once a second, however often it comes. `close` ends it. */
export function paced(tell: (name: string) => void): {
  readonly add: (name: string) => void;
  readonly close: () => void;
} {
  /** Names told within the last second; true: they came again since. */
  const recent = new Map<string, boolean>();
  let timer: NodeJS.Timeout | undefined;

  function add(name: string): void {
    if (recent.has(name)) {
      recent.set(name, true);
      return;
    }
    if (recent.size < MAX_NAMES) recent.set(name, false);
    timer ??= setInterval(turn, PACE_MS).unref();
    tell(name);
  }

  function turn(): void {
    const again = [...recent].filter(([, came]) => came).map(([name]) => name);
    recent.clear();
    if (again.length === 0) close();
    for (const name of again) add(name);
  }

  function close(): void {
    clearInterval(timer);
    timer = undefined;
    recent.clear();
  }
  return { add, close };
}
