import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { selfSigned } from '../../../node/tls/self-signed.ts';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const made = (names: readonly string[], from = '2026-01-02T03:04:05Z', to = '2027-01-02T03:04:05Z') =>
  new X509Certificate(
    selfSigned({
      ...{ key, names, commonName: 'village node', use: 'server' },
      notBeforeMs: Date.parse(from),
      notAfterMs: Date.parse(to),
    }),
  );

test('a certificate says what it is for, until when, and is signed by its own key', () => {
  const certificate = made(['localhost']);
  expect(certificate.subject).toBe('CN=village node');
  expect(certificate.issuer).toBe('CN=village node');
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.checkPrivateKey(privateKey)).toBe(true);
  expect(certificate.ca).toBe(false);
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  expect(certificate.validFrom).toBe('Jan  2 03:04:05 2026 GMT');
  expect(certificate.validTo).toBe('Jan  2 03:04:05 2027 GMT');
});

test('names and addresses of every form are in it', () => {
  const certificate = made([
    'localhost',
    'edge-7.example.org',
    '192.168.1.20',
    '::1',
    'fd00::2',
    '2001:db8:1:2:3:4:5:6',
  ]);
  expect(certificate.subjectAltName).toBe(
    'DNS:localhost, DNS:edge-7.example.org, IP Address:192.168.1.20, IP Address:0:0:0:0:0:0:0:1, ' +
      'IP Address:FD00:0:0:0:0:0:0:2, IP Address:2001:DB8:1:2:3:4:5:6',
  );
  expect(certificate.checkHost('edge-7.example.org')).toBe('edge-7.example.org');
  expect(certificate.checkHost('elsewhere.example.org')).toBeUndefined();
});

test('a year of four digits is written as such', () => {
  expect(made([], '2049-12-31T23:59:59Z', '2050-01-01T00:00:00Z').validTo).toBe('Jan  1 00:00:00 2050 GMT');
});

test('many names make a certificate longer than one length byte can say', () => {
  const names = Array.from({ length: 200 }, (_, at) => `node-${at}.example.org`);
  expect(made(names).checkHost('node-199.example.org')).toBe('node-199.example.org');
});
