import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readPrivateFile } from '../identity/index.ts';
import { TlsError } from '../trust/index.ts';
import { type Certificate, certificateOf } from './certificate.ts';

/** Of two PEM files. Errors: TlsError, IdentityError (KEY_EXPOSED and its like). */
export function givenCertificate(given: { cert: string; key: string }): Certificate {
  const key = readPrivateFile(given.key);
  if (key === undefined) throw unreadable(given.key);
  return certificateOf({ cert: textFile(given.cert), key }, `${given.cert}, ${given.key}`);
}

/** The text of a PEM file of authorities. Errors: TlsError. */
export function authorities(file: string): string {
  const text = textFile(file);
  try {
    new X509Certificate(text);
  } catch (cause) {
    throw new TlsError('TLS_CERTIFICATE_MALFORMED', `no certificate in PEM: ${file}`, { cause });
  }
  return text;
}

function textFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

function unreadable(file: string, cause?: unknown): TlsError {
  return new TlsError('TLS_CERTIFICATE_UNREADABLE', `cannot read ${file}`, {
    cause,
    hint: 'Paths of gatewayTls start at the data folder.',
  });
}
