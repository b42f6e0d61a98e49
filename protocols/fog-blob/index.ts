export { askManifest, askModule, type ModuleSink, type Offered } from './client.ts';
export { answerBlob, type ModuleShelf, type ShelvedModule } from './handler.ts';
export { FOG_BLOB, MANIFEST_TIMEOUT_MS } from './schema.ts';
