import { type Constitution, Policy } from '../../src/constitution/index.ts';
import type { Ledger } from '../../src/governance/index.ts';
import type { Store } from '../storage/index.ts';
import { Chronicle } from './chronicle.ts';

/** What the statements of a ledger put in force. */
export function policyOf(ledger: Ledger): Policy {
  const { entries, root, held } = ledger.policy();
  const decided = new Map([...entries].map(([key, { value, version }]) => [key, { value, version }]));
  return new Policy(ledger.constitution, decided, { root, held, voters: ledger.epoch().rules.voters });
}

/** What was in force when a node last used this disk. */
export async function policyOnDisk(store: Store, constitution: Constitution): Promise<Policy> {
  const reporter = { report: () => undefined };
  return policyOf((await Chronicle.open({ constitution, store, reporter, wallMs: () => 0 })).ledger);
}
