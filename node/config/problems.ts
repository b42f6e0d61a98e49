import { z } from 'zod';
import { keyPath } from './key-path.ts';
import { nearest } from './nearest.ts';
import { Config } from './schema.ts';

interface Shape {
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly additionalProperties?: Shape | boolean;
  readonly items?: Shape;
  readonly enum?: readonly unknown[];
}

/** One sentence for each thing that the schema refused: where it is, what is wrong, what is allowed there. */
export function problemsOf(issues: readonly z.core.$ZodIssue[]): string[] {
  const shape = z.toJSONSchema(Config, { io: 'input', unrepresentable: 'any' }) as Shape;
  return issues.flatMap((issue) => {
    const where = keyPath(issue.path);
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => unknownKey(key, issue.path, allowedAt(shape, issue.path)));
    if (issue.code === 'invalid_key') return [`${where}: ${issue.issues.map((inner) => inner.message).join('; ')}`];
    return [`${where === '' ? 'the configuration' : `\`${where}\``}: ${issue.message}`];
  });
}

function unknownKey(key: string, path: readonly PropertyKey[], allowed: readonly string[]): string {
  const meant = nearest(key, allowed);
  const place = path.length === 0 ? '' : ` in \`${keyPath(path)}\``;
  return `unknown key \`${key}\`${place}${meant === undefined ? '' : `, did you mean \`${meant}\`?`} (allowed: ${allowed.join(', ')})`;
}

function allowedAt(shape: Shape, path: readonly PropertyKey[]): string[] {
  let here: Shape | undefined = shape;
  for (const key of path) {
    const inside: Shape | boolean | undefined =
      typeof key === 'number' ? here?.items : (here?.properties?.[String(key)] ?? here?.additionalProperties);
    here = typeof inside === 'object' ? inside : undefined;
  }
  return Object.keys(here?.properties ?? {});
}
