export type { Backend, BackendContext, BackendReply, Era, HostedServer, Hosting, ServerState } from './backend.ts';
export { LocalHosting, type LocalHostingOptions } from './hosting.ts';
