export { ConfigError } from './config-error.ts';
export { type ConfigSource, type LoadedConfig, loadConfig } from './load.ts';
export { readJson } from './json-text.ts';
export type { Origin, Origins } from './origins.ts';
export { type Flags, parseConfig } from './parse.ts';
export { publishedSchema } from './publish.ts';
export { type Reload, reloadOf } from './reload.ts';
export { Config } from './schema.ts';
export { ConfigWatch } from './watch.ts';
