export { GatewayTls, type TlsSettings } from './gateway-tls.ts';
export { authorities, givenCertificate } from './given-certificate.ts';
