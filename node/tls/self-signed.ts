import { createPublicKey, randomBytes, sign, X509Certificate } from 'node:crypto';
import { isIP, isIPv4 } from 'node:net';
import { bits, boolean, type Der, objectId, octets, sequence, set, tagged, time, unsigned, utf8 } from './der.ts';

export interface SelfSigned {
  /** PEM of a P-256 private key: every TLS 1.3 client takes it, which is not so of Ed25519. */
  readonly key: string;
  readonly commonName: string;
  /** DNS names and IP addresses. */
  readonly names: readonly string[];
  readonly use: 'server' | 'client';
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

const ECDSA_SHA256 = sequence(objectId('1.2.840.10045.4.3.2'));
const USE = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' };
const DIGITAL_SIGNATURE = bits(Buffer.of(0x80), 7);

/** A certificate (RFC 5280) that a key gives itself, as PEM. */
export function selfSigned({ key, commonName, names, use, notBeforeMs, notAfterMs }: SelfSigned): string {
  const subject = sequence(set(sequence(objectId('2.5.4.3'), utf8(commonName))));
  const extensions = [
    extension('2.5.29.19', { critical: true, value: sequence() }), // no authority over others
    extension('2.5.29.15', { critical: true, value: DIGITAL_SIGNATURE }),
    extension('2.5.29.37', { critical: false, value: sequence(objectId(USE[use])) }),
  ];
  if (names.length > 0)
    extensions.push(extension('2.5.29.17', { critical: false, value: sequence(...names.map(generalName)) }));
  const body = sequence(
    tagged(0xa0, unsigned(Buffer.of(2))), // version 3
    unsigned(randomBytes(16)),
    ECDSA_SHA256,
    subject,
    sequence(time(notBeforeMs), time(notAfterMs)),
    subject,
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...extensions)),
  );
  const certificate = sequence(body, ECDSA_SHA256, bits(sign('sha256', body, key)));
  return new X509Certificate(certificate).toString();
}

function extension(id: string, { critical, value }: { critical: boolean; value: Der }): Der {
  return critical ? sequence(objectId(id), boolean(true), octets(value)) : sequence(objectId(id), octets(value));
}

function generalName(name: string): Der {
  return isIP(name) === 0 ? tagged(0x82, Buffer.from(name, 'latin1')) : tagged(0x87, addressBytes(name));
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const { hostname } = new URL(`http://[${address}]/`); // compressed, in hexadecimal alone
  const [head = '', tail] = hostname.slice(1, -1).split('::');
  const [left, right] = [groupsOf(head), groupsOf(tail ?? '')];
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array.from({ length: zeros }, () => 0), ...right];
  return Buffer.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}
