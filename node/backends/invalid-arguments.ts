import type { z } from 'zod';
import type { Refusal } from './role.ts';

const MAX_ISSUES = 8;
const LONGEST_FIELD = 120;
const LONGEST_PROBLEM = 240;

/**
 * What is wrong with the arguments of a call, for who made it: the first eight faults, each in a line. What it quotes of the arguments is
 * cut, so that no refusal is longer than a few KiB, whatever was sent.
 */
export function invalidArguments(error: z.ZodError): Refusal {
  const issues = error.issues.slice(0, MAX_ISSUES).map((issue) => {
    const paths =
      issue.code === 'unrecognized_keys'
        ? issue.keys.slice(0, MAX_ISSUES).map((key) => [...issue.path, key])
        : [issue.path];
    const field = paths.map((path) => cut(path.join('.'), LONGEST_FIELD)).join(', ');
    return { field, problem: cut(issue.message, LONGEST_PROBLEM) };
  });
  const message = issues.map(({ field, problem }) => (field === '' ? problem : `${field}: ${problem}`)).join('; ');
  return { code: 'INVALID_ARGUMENTS', message, retryable: false, field: issues[0]?.field ?? '', issues };
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most).toWellFormed()}…`;
}
