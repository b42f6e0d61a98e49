import { z } from 'zod';
import { Config, ServerConfig } from './schema.ts';

/** The JSON Schema of `village.json`, as published in `village.schema.json`. */
export function publishedSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(Config, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      // Keys of other clients are accepted in an entry, with a notice; an editor should not underline them.
      if (zodSchema === (ServerConfig as unknown)) delete jsonSchema.additionalProperties;
    },
  });
  return { $id: 'urn:village-mesh:configuration', title: 'Village node configuration', ...schema };
}
