import type { EndReason, Usage } from './port.ts';

/** What a guard is told first, on its control socket. One JSON object a line, both ways. */
export interface GuardOrders {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
  readonly mark: string;
  /** 0: memory is not looked at. */
  readonly memMib: number;
  /** Its command moves it into a control group of its own. */
  readonly ownGroup: boolean;
  readonly leaseUntilMs: number;
}

export type ToGuard =
  | { readonly kind: 'start'; readonly orders: GuardOrders }
  | { readonly kind: 'lease'; readonly untilMs: number }
  /** `reason`: what the end is reported as, unless it ended before; absent: as the program itself ends. */
  | { readonly kind: 'stop'; readonly reason?: EndReason | undefined; readonly graceMs: number };

export type FromGuard =
  | { readonly kind: 'started'; readonly pid: number; readonly startTime: string }
  | { readonly kind: 'failed'; readonly problem: string }
  | { readonly kind: 'usage'; readonly usage: Usage }
  /** The last message: nothing of the shard is left. */
  | { readonly kind: 'ended'; readonly reason: EndReason };

/** Where the pipes of a guard lie: its control socket, and the shard's standard streams that it hands on. */
export const CONTROL_FD = 3;
export const SHARD_FDS = [4, 5, 6] as const;

/** Where a Node program in the shard's folder writes why it gave up. */
export const LAST_WORDS = 'last-words.json';
