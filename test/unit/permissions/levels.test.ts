import { describe, expect, test } from 'vitest';
import { atLeast, isLevel, LEVELS, lowest, rankOf } from '../../../src/permissions/index.ts';

describe('levels', () => {
  test('rise from looking to emergencies', () => {
    expect([...LEVELS]).toEqual(['READ_ONLY', 'OPERATOR', 'COORDINATOR', 'GOVERNANCE', 'EMERGENCY']);
    expect(LEVELS.map(rankOf)).toEqual([1, 2, 3, 4, 5]);
  });

  test('include what lies below, and nothing above', () => {
    expect(atLeast('GOVERNANCE', 'COORDINATOR')).toBe(true);
    expect(atLeast('OPERATOR', 'OPERATOR')).toBe(true);
    expect(atLeast('READ_ONLY', 'OPERATOR')).toBe(false);
  });

  test('the lowest of several counts', () => {
    expect(lowest('EMERGENCY', 'OPERATOR', 'GOVERNANCE')).toBe('OPERATOR');
    expect(lowest('READ_ONLY')).toBe('READ_ONLY');
  });

  test.each(['', 'operator', 'ROOT', 'toString', '__proto__', 2, null, undefined, ['OPERATOR']])(
    '%j is none',
    (value) => {
      expect(isLevel(value)).toBe(false);
    },
  );
});
