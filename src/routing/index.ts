export type { NodeDescriptor, ServerSummary } from './descriptor.ts';
