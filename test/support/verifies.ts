import { type TestOptions, test } from 'vitest';

/**
 * A test that proves one numbered rule of a protocol's README. The rule stands in the title, and the architecture tests
 * check that every rule is cited and every citation is a rule.
 */
export function verifies(rule: string, title: string, fn: () => Promise<void> | void, options: TestOptions = {}): void {
  test(`${rule} ${title}`, options, fn);
}
