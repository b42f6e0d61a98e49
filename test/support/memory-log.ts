import type { LogBatch, LogStore } from '../../node/audit/index.ts';
import { MemoryStore, type StoreChange } from '../../node/storage/index.ts';
import { entryKey, NEWEST_HEAD } from '../../src/audit/index.ts';
import { text } from '../../src/kernel/index.ts';

/** A log that lies in memory. */
export class MemoryLog extends MemoryStore implements LogStore {
  async append({ lines, newestHead }: LogBatch): Promise<void> {
    const changes: StoreChange[] = [];
    let seq = lines?.first ?? 0;
    for (const line of text(lines?.bytes ?? new Uint8Array()).split('\n')) {
      const [, key, jws] = /^(h\/\d{16}) (.*)$/.exec(line) ?? [];
      if (key !== undefined && jws !== undefined) changes.push({ type: 'put', key, value: Buffer.from(jws) });
      else if (line !== '') changes.push({ type: 'put', key: entryKey(seq++), value: Buffer.from(line) });
    }
    if (newestHead !== undefined) changes.push({ type: 'put', key: NEWEST_HEAD, value: newestHead });
    await this.batch(changes);
  }
}
