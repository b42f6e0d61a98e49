import { z } from 'zod';
import { result, type RoleTool, roleTool } from '../../backends/role.ts';
import { CATEGORIES } from '../../governance/index.ts';
import type { GovernanceParts } from './ports.ts';

const Policy = z.object({
  key: z.string(),
  value: z.json(),
  read_by: z
    .string()
    .nullable()
    .describe('the part of the program that goes by it; null: it is kept and shown, and nothing here acts on it'),
  version: z.int(),
  decided_by: z.string().describe('the proposal that decided it, or genesis'),
  certificate_id: z.string().nullable().describe('read village://governance/certificates/ID for the proof'),
  applied_by: z.array(z.string()).describe('the nodes that signed that they have it in force'),
  overlay: z.string().optional().describe('an override or emergency that lies over the voted value'),
  history: z
    .array(z.object({ value: z.json(), version: z.int(), decided_by: z.string() }))
    .optional()
    .describe('what it was before, oldest first'),
});

export function policyQuery({ desk }: GovernanceParts): RoleTool {
  return roleTool({
    name: 'policy_query',
    title: 'Policy in force',
    description:
      'The policy in force at your node: every key, or those of a category, or one. For each its value, how often it was decided, by which proposal, and which nodes have applied it. Changes nothing.',
    input: z.strictObject({
      policy_category: z.enum(CATEGORIES).default('all'),
      key: z
        .string()
        .min(1)
        .max(128)
        .optional()
        .describe('one key, e.g. knowledge.retention_days; or a beginning of keys that ends in .'),
      include_history: z.boolean().default(false),
      format: z.enum(['json']).optional(),
    }),
    output: z.object({ policies: z.array(Policy) }),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    handle: ({ policy_category: category, key, include_history: includeHistory }) =>
      result({ policies: desk.policies({ category, key, includeHistory }) }),
  });
}
