/** Which entry of another node's log stands for the same call: its number and its hash. */
export interface Receipt {
  readonly seq: number;
  /** 64 hex digits. */
  readonly hash: string;
}

export function receiptOf({ seq, hash }: Receipt): string {
  return `${seq}:${hash}`;
}

/** Undefined: not so spelled. */
export function readReceipt(text: string): Receipt | undefined {
  const match = /^([1-9]\d{0,15}):([0-9a-f]{64})$/.exec(text);
  const seq = Number(match?.[1]);
  return match === null || !Number.isSafeInteger(seq) ? undefined : { seq, hash: match[2] as string };
}
