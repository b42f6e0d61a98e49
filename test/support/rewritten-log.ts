import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openNodeKeys } from '../../node/identity/index.ts';
import { LevelDatabase } from '../../node/storage/index.ts';
import {
  AUDIT_HEAD_TYPE,
  type AuditEntry,
  decodeEntry,
  genesisHash,
  NEWEST_HEAD,
  openRecord,
} from '../../src/audit/index.ts';
import { text, utf8 } from '../../src/kernel/index.ts';
import { sealEntry } from './audit.ts';

/**
 * What whoever owns a stopped node can do to its log: every entry passed through `edit`, the chain made anew, every head signed
 * anew with the node's own key, and the words of witnesses that lie there thrown away.
 */
export async function rewriteLog(
  dataDir: string,
  villageId: string,
  edit: (entry: AuditEntry) => AuditEntry,
): Promise<void> {
  const keys = openNodeKeys(dataDir, { create: false });
  const place = villageId.slice(0, 16);
  const folder = join(dataDir, 'audit', place);
  const signed = (seq: number, hash: string) =>
    keys.signAsIssuer(AUDIT_HEAD_TYPE, { village: villageId, node: keys.nodeId, seq, hash, at_ms: Date.now() });
  let hash = genesisHash(villageId, keys.nodeId);
  let seq = 0;
  for (const name of (await readdir(folder)).sort()) {
    const lines = (await readFile(join(folder, name), 'utf8')).split('\n').map((line) => {
      if (line.startsWith('h/')) return `${line.slice(0, 18)} ${signed(seq, hash)}`;
      const decoded = line === '' ? undefined : decodeEntry(openRecord(line)?.line ?? '');
      if (decoded?.kind !== 'entry') return line;
      const sealed = sealEntry(hash, edit(decoded.entry));
      hash = sealed.hash;
      seq = decoded.entry.seq;
      return text(sealed.record);
    });
    await writeFile(join(folder, name), lines.join('\n'));
  }
  const database = await LevelDatabase.open(join(dataDir, 'store'));
  await database.namespace(`audit-${place}`).put(NEWEST_HEAD, utf8(signed(seq, hash)));
  const words = database.namespace(`audit-witness-${place}`);
  for await (const [key] of words.entries({ gte: 'a/', lt: 'a0' })) await words.del(key);
  await database.close();
}
