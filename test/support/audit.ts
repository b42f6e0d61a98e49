import { generateKeyPairSync, sign } from 'node:crypto';
import {
  AUDIT_HEAD_TYPE,
  type AuditEntry,
  type AuditHead,
  type AuditRecord,
  SealedLines,
} from '../../src/audit/index.ts';
import { signingInput } from '../../src/kernel/index.ts';

export const VILLAGE = 'c'.repeat(64);
export const NODE = '12D3KooWAuditTestNode';

export function recordOf(changes: Partial<AuditRecord> = {}): AuditRecord {
  return {
    kind: 'call',
    callId: '00112233445566778899aabbccddeeff',
    agentId: 'local@Q3xK9a2Z',
    level: 'OPERATOR',
    tokenId: 'd'.repeat(64),
    method: 'tools/call',
    server: 'everything',
    target: 'echo',
    peer: '',
    sourceIp: '127.0.0.1',
    outcome: 'ok',
    reason: '',
    argumentsHash: 'a'.repeat(64),
    resultHash: 'b'.repeat(64),
    durationMs: 1.25,
    justification: '',
    count: 1,
    ...changes,
  };
}

/** An issuer key of the tests, and heads signed by it as a node signs them. */
export function headSigner(): { readonly issuerKey: Uint8Array; readonly sign: (head: AuditHead) => string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const issuerKey = Buffer.from(publicKey.export({ format: 'jwk' }).x as string, 'base64url');
  return {
    issuerKey,
    sign: (head) => {
      const signed = signingInput({ alg: 'EdDSA', typ: AUDIT_HEAD_TYPE }, { ...head });
      return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString('base64url')}`;
    },
  };
}

/** `entry` as it is stored after the entry whose hash is `previousHash`. */
export function sealEntry(
  previousHash: string,
  entry: AuditEntry,
): { readonly record: Uint8Array; readonly hash: string } {
  const sealed = new SealedLines({ seq: entry.seq - 1, hash: previousHash });
  sealed.add(entry, entry);
  return { record: sealed.take()?.bytes.slice(0, -2) ?? new Uint8Array(), hash: sealed.last.hash };
}
