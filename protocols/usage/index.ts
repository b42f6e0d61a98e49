export { reportOf, usageKey } from './client.ts';
export { Latest, readReport } from './handler.ts';
export { USAGE } from './schema.ts';
