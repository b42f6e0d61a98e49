/** Writes `village.schema.json` from the schema that the loader uses; a test says when it is out of date. */
import { writeFileSync } from 'node:fs';
import { publishedSchema } from '../node/config/index.ts';

writeFileSync(new URL('../village.schema.json', import.meta.url), `${JSON.stringify(publishedSchema(), null, 2)}\n`);
