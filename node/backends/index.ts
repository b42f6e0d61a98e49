export type { Backend, BackendContext, BackendReply, Era, HostedServer, Hosting, ServerState } from './backend.ts';
export { BackendError } from './backend-error.ts';
export { LocalHosting, type LocalHostingOptions } from './hosting.ts';
