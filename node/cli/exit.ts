import { VillageError } from '../../src/kernel/index.ts';

/** 0 done · 1 failed · 2 usage or configuration · 3 outcome unknown. */
export const EXIT = { done: 0, failed: 1, usage: 2, unknown: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export class CliError extends VillageError<
  | 'USAGE'
  | 'NO_NODE'
  | 'REFUSED'
  | 'NOT_BUILT'
  | 'BROKEN_CHAIN'
  | 'CLIENT_UNKNOWN'
  | 'CLIENT_CONFIG'
  | 'FILE_UNREADABLE'
  | 'INTERRUPTED'
  | 'TIMED_OUT'
  | 'OUTCOME_UNKNOWN'
> {}

const USAGE = new Set([
  'USAGE',
  'INVALID_INPUT',
  'CLIENT_UNKNOWN',
  'FILE_UNREADABLE',
  'INVITE_MALFORMED',
  'ADDRESS_INVALID',
  'GATEWAY_INSECURE_BIND',
]);

/** The tool may have run. */
const UNCLEAR = new Set(['OUTCOME_UNKNOWN', 'DEADLINE_EXCEEDED']);

export function exitCodeOf(error: unknown): ExitCode {
  const code = error instanceof VillageError ? error.code : '';
  if (USAGE.has(code) || code.startsWith('CONFIG_')) return EXIT.usage;
  return UNCLEAR.has(code) ? EXIT.unknown : EXIT.failed;
}
