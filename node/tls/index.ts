export { GatewayTls, type TlsSettings } from './gateway-tls.ts';
