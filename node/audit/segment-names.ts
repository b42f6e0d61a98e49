const DIGITS = 16;

/** The file of the segment that begins with entry `first`; sorts as the numbers do. */
export function segmentName(first: number): string {
  return `${String(first).padStart(DIGITS, '0')}.jsonl`;
}

/** Undefined: no segment's name. */
export function firstOfSegment(name: string): number | undefined {
  const match = /^(\d{16})\.jsonl$/.exec(name);
  const first = match === null ? 0 : Number(match[1]);
  return Number.isSafeInteger(first) && first > 0 ? first : undefined;
}
