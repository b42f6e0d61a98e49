export { type BridgeOptions, runBridge } from './bridge.ts';
export type { GatewayLimits } from './context.ts';
export { Gateway, type GatewayOptions } from './gateway.ts';
export { GatewayError } from './listen-address.ts';
export { isLoopback } from './origin-guard.ts';
export { ownNames } from './own-names.ts';
export type { TlsPort } from './http-server.ts';
export type { AuthPort, LimiterPort, RouterCall, RouterPort, RouterReply } from './router-port.ts';
