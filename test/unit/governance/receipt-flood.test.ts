import { expect, test } from 'vitest';
import { ReceiptBook } from '../../../node/governance/receipt-book.ts';
import { MemoryStore } from '../../../node/storage/index.ts';
import { RECEIPT_TYP } from '../../../protocols/governance/index.ts';
import type { Membership } from '../../../src/constitution/index.ts';
import { type SigningNode, signingNode } from '../../support/signing-node.ts';

const VILLAGE = 'ab'.repeat(32);

class CountingStore extends MemoryStore {
  writes = 0;
  override async put(key: string, value: Uint8Array): Promise<void> {
    this.writes += 1;
    await super.put(key, value);
  }
}

const receipt = (by: SigningNode, seq: number) => ({
  receipt: by.sign(RECEIPT_TYP, {
    village: VILLAGE,
    node: by.nodeId,
    seq,
    iat: 1,
    root: 'cd'.repeat(32),
    decisions: [],
  }),
  chain: [],
});

test('a member that signs receipts without end has 120 of them written and told on, then one a second; another’s are not held up', async () => {
  const store = new CountingStore();
  let nowMs = 0;
  const verify = () => ({ kind: 'member', membership: {} as Membership }) as const;
  const book = await ReceiptBook.open({ store, villageId: VILLAGE, verify, now: () => nowMs });
  const [noisy, other] = [signingNode(1), signingNode(2)];
  const kinds = Array.from({ length: 500 }, (_, seq) => book.take(receipt(noisy, seq)).kind);
  expect(kinds.filter((kind) => kind === 'news')).toHaveLength(120);
  expect(store.writes).toBe(120);
  expect(book.take(receipt(other, 1)).kind).toBe('news');
  nowMs += 1_000;
  expect(book.take(receipt(noisy, 1_000)).kind).toBe('news');
  expect(book.take(receipt(noisy, 1_001)).kind).toBe('known');
  expect(book.of(noisy.nodeId)?.seq).toBe(1_000);
});
