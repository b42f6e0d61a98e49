import { createPrivateKey, X509Certificate } from 'node:crypto';
import { pinOf, TlsError } from '../trust/index.ts';

/** A certificate with its private key, both PEM. */
export interface Certificate {
  /** The certificate first, then those that lead to its authority. */
  readonly cert: string;
  readonly key: string;
  /** What a client can hold on to; see `Trust`. */
  readonly pin: string;
  /** SHA-256 of the certificate, as browsers and `openssl x509 -fingerprint -sha256` show it. */
  readonly fingerprint: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Errors: TLS_CERTIFICATE_MALFORMED, TLS_KEY_MISMATCH; `from` names the files in their messages. */
export function certificateOf({ cert, key }: { cert: string; key: string }, from: string): Certificate {
  const parsed = parsedFrom(cert, key, from);
  if (!parsed.x509.checkPrivateKey(parsed.privateKey)) {
    throw new TlsError('TLS_KEY_MISMATCH', `the key is not that of the certificate: ${from}`, {
      hint: 'Give the two files that were made together.',
    });
  }
  const { x509 } = parsed;
  return {
    cert,
    key,
    pin: pinOf(x509),
    fingerprint: x509.fingerprint256,
    notBeforeMs: Date.parse(x509.validFrom),
    notAfterMs: Date.parse(x509.validTo),
  };
}

function parsedFrom(cert: string, key: string, from: string) {
  try {
    return { x509: new X509Certificate(cert), privateKey: createPrivateKey(key) };
  } catch (cause) {
    throw new TlsError('TLS_CERTIFICATE_MALFORMED', `no certificate and private key in PEM: ${from}`, { cause });
  }
}
