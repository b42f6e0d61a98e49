import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Role } from '../../../node/backends/role.ts';
import { roleTool } from '../../../node/backends/role.ts';
import { definitionOf } from '../../../node/backends/role-definition.ts';

const annotations = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };

test('a role’s output schema can be compiled where the output refers to itself, and takes results and refusals', () => {
  const Tree = z.strictObject({
    name: z.string(),
    get children() {
      return z.array(Tree);
    },
  });
  const grow = roleTool({
    ...{ name: 'grow', title: 'Grow', description: 'grows', annotations },
    input: z.strictObject({}),
    output: z.strictObject({ tree: Tree }),
    handle: () => ({ kind: 'result', value: {} }),
  });
  const role: Role = {
    ...{ name: 'fog', title: 'Fog', version: '1', instructions: '', resources: [], prompts: [] },
    tools: [grow],
  };
  const schema = definitionOf(role).tools[0]?.['outputSchema'] as Record<string, unknown>;
  const validate = new AjvJsonSchemaValidator().getValidator(schema);
  const accepts = (value: unknown) => validate(value).valid;
  expect(accepts({ tree: { name: 'oak', children: [{ name: 'twig', children: [] }] } })).toBe(true);
  expect(accepts({ tree: { name: 'oak', children: [{ name: 7, children: [] }] } })).toBe(false);
  expect(accepts({ code: 'NO', message: 'no', retryable: false })).toBe(true);
});
