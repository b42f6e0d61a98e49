export { gatewayRequest } from './gateway-request.ts';
export { pinOf } from './pin.ts';
export { TlsError } from './tls-error.ts';
export { agentFor, clientCertificateAt, type Trust } from './trust.ts';
