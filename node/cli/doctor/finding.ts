/** One thing that was looked at. `remedy` says what to do about it, unless all is well. */
export interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'problem';
  readonly found: string;
  readonly remedy?: string | undefined;
}

export const fine = (check: string, found: string): Finding => ({ check, status: 'ok', found });
export const warning = (check: string, found: string, remedy: string): Finding => ({
  check,
  status: 'warning',
  found,
  remedy,
});
export const problem = (check: string, found: string, remedy: string): Finding => ({
  check,
  status: 'problem',
  found,
  remedy,
});
