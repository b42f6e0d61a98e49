import { VillageError } from '../../src/kernel/index.ts';

export class TlsError extends VillageError<
  | 'TLS_CERTIFICATE_UNREADABLE'
  | 'TLS_CERTIFICATE_MALFORMED'
  | 'TLS_KEY_MISMATCH'
  | 'TLS_PIN_MALFORMED'
  | 'TLS_PIN_MISMATCH'
  | 'TLS_HANDSHAKE_FAILED'
> {}
