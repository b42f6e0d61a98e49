import { createHash, type X509Certificate } from 'node:crypto';
import { TlsError } from './tls-error.ts';

const PIN = /^sha256\/\/[A-Za-z0-9+/]{43}=$/;

/** The SHA-256 of a certificate's public key, written as for curl's `--pinnedpubkey`: it outlives a renewal that keeps the key. */
export function pinOf({ publicKey }: X509Certificate): string {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return `sha256//${createHash('sha256').update(spki).digest('base64')}`;
}

/** Errors: TLS_PIN_MALFORMED. */
export function checkedPin(pin: string): string {
  if (PIN.test(pin)) return pin;
  throw new TlsError('TLS_PIN_MALFORMED', 'a pin is `sha256//` and 44 characters of base64', {
    hint: 'A node shows its own in `village status` as gateway_tls.pin.',
  });
}
