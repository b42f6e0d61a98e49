import { createHash, createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { readPrivateFile, writePrivateFile } from '../identity/index.ts';
import { type Certificate, certificateOf } from './certificate.ts';
import { selfSigned } from './self-signed.ts';

/** As long as browsers accept. */
const LIFETIME_MS = 397 * 24 * 3_600_000;
const RENEW_BEFORE_MS = 30 * 24 * 3_600_000;
/** For clients whose clocks are behind. */
const SKEW_MS = 3_600_000;

export interface OwnCertificate {
  /** Where it is kept: `PATH.key` and `PATH.crt`. */
  readonly path: string;
  readonly use: 'server' | 'client';
  readonly names: readonly string[];
  readonly nowMs: number;
}

/**
 * A certificate that this node gave itself: the one on disk while it is good for these names and 30 days more, else a new one of the
 * same key, so that pins hold. On return it is on disk. Errors: IdentityError, when the key cannot be read or others could.
 */
export function ownCertificate(wanted: OwnCertificate): Certificate {
  const { path, use, names, nowMs } = wanted;
  const key = readPrivateFile(`${path}.key`) ?? newKey(`${path}.key`);
  const kept = keptCertificate(wanted, key);
  if (kept !== undefined) return kept;
  const notBeforeMs = nowMs - SKEW_MS;
  const cert = selfSigned({
    ...{ key, names, use, notBeforeMs },
    // Verifiers look a trusted certificate up by its name: two nodes must not have the same.
    commonName: `village ${use} ${keyId(key)}`,
    notAfterMs: notBeforeMs + LIFETIME_MS,
  });
  writePrivateFile(`${path}.crt`, cert);
  return certificateOf({ cert, key }, path);
}

function keptCertificate({ path, names, nowMs }: OwnCertificate, key: string): Certificate | undefined {
  try {
    const cert = readPrivateFile(`${path}.crt`);
    if (cert === undefined) return undefined;
    const kept = certificateOf({ cert, key }, path);
    const x509 = new X509Certificate(cert);
    const covers = names.every((name) => (isIP(name) === 0 ? x509.checkHost(name) : x509.checkIP(name)) !== undefined);
    return covers && kept.notBeforeMs <= nowMs && nowMs < kept.notAfterMs - RENEW_BEFORE_MS ? kept : undefined;
  } catch {
    return undefined; // it is ours to make again, whatever became of it
  }
}

function keyId(key: string): string {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest('hex').slice(0, 16);
}

function newKey(path: string): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  writePrivateFile(path, key);
  return key;
}
