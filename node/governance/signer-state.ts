import { z } from 'zod';
import { thumbprint } from '../../src/governance/index.ts';
import { text, utf8 } from '../../src/kernel/index.ts';
import type { Store } from '../storage/index.ts';
import { StatementStore } from './statement-store.ts';

/** Where the log of a voter's key ended when the key left its last home. Seq 0 and head null: it had signed nothing. */
export const SignerState = z.strictObject({
  village: z.string().regex(/^[0-9a-f]{64}$/),
  voter: z.string().max(32),
  seq: z.int().nonnegative(),
  head: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
});
export type SignerState = z.infer<typeof SignerState>;

const NEEDS = 'needs/';

/** What each voter's log must hold here before its key signs, by voter. */
export async function readNeeds(store: Pick<Store, 'entries'>): Promise<Map<string, SignerState>> {
  const needs = new Map<string, SignerState>();
  for await (const [, bytes] of store.entries({ gte: NEEDS, lt: `${NEEDS}~` })) {
    const state = SignerState.parse(JSON.parse(text(bytes)));
    needs.set(state.voter, state);
  }
  return needs;
}

/** Durable on return. */
export async function writeNeed(store: Pick<Store, 'put'>, state: SignerState): Promise<void> {
  await store.put(`${NEEDS}${state.voter}`, utf8(JSON.stringify(state)), { sync: true });
}

/** Where the log of a key ends on a disk that no node uses. */
export async function stateOnDisk(
  store: Store,
  { village, voter, key }: { readonly village: string; readonly voter: string; readonly key: string },
): Promise<SignerState> {
  const last = await new StatementStore(store).last(thumbprint(key));
  return { village, voter, seq: last?.seq ?? 0, head: last?.id ?? null };
}
