export { ClientError, type ClientErrorCode } from './client-error.ts';
export type { TokenSource } from './tokens.ts';
export { type CallOptions, VillageClient, type VillageClientOptions } from './village-client.ts';
export type { Trust } from '../trust/index.ts';
