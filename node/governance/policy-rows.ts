import { type Policy, readerOf } from '../../src/constitution/index.ts';
import { GENESIS, type Ledger, type PolicyState } from '../../src/governance/index.ts';
import type { PolicyFilter } from './desk.ts';
import type { ReceiptBook } from './receipt-book.ts';
import type { PolicyHistory, PolicyRow } from './views.ts';

export const CATEGORIES = ['all', 'governance', 'security', 'privacy', 'knowledge_management'] as const;
/** What a category is about, by the beginnings of keys. */
const BEGINNINGS: Readonly<Record<string, readonly string[]>> = {
  all: [''],
  governance: ['agents.', 'permissions.', 'rates.', 'constitution.', 'voters.', 'thresholds.', 'display.', 'notify.'],
  security: ['nodes.', 'tokens.', 'permissions.', 'rates.', 'issuers.', 'emergency.'],
  privacy: ['privacy.', 'twin.'],
  knowledge_management: ['knowledge.'],
};

export interface RowSources {
  readonly ledger: Ledger;
  readonly policy: Policy;
  readonly receipts: ReceiptBook;
}

/** The policy in force, key by key. */
export function policyRows({ key, category = 'all', includeHistory }: PolicyFilter, sources: RowSources): PolicyRow[] {
  const { ledger, policy, receipts } = sources;
  const state = ledger.policy();
  const beginnings = BEGINNINGS[category] ?? [];
  const asked = (one: string): boolean =>
    key === undefined || one === key || (key.endsWith('.') && one.startsWith(key));
  const keys = policy.keys().filter((one) => asked(one) && beginnings.some((beginning) => one.startsWith(beginning)));
  // What was never decided is the same on every node that is where we are.
  const sameRoot = receipts.list().filter(({ content }) => content.root === state.root);
  const untouched = sameRoot.map(({ nodeId }) => nodeId);
  return keys.map((one): PolicyRow => {
    const entry = state.entries.get(one);
    const decided = entry === undefined || entry.base === GENESIS ? undefined : entry.base;
    const source = entry?.overlay ?? decided;
    return {
      key: one,
      value: policy.value(one) ?? null,
      read_by: readerOf(one),
      version: entry?.version ?? 0,
      decided_by: source ?? GENESIS,
      certificate_id: (entry?.overlay === undefined ? decided : provenBy(state, entry.overlay)) ?? null,
      applied_by: source === undefined ? untouched : receipts.appliedBy(source),
      ...(entry?.overlay === undefined ? {} : { overlay: entry.overlay }),
      ...(includeHistory === true ? { history: historyOf(one, decided, sources) } : {}),
    };
  });
}

/** The proposal whose certificate shows what lies over the policy: the emergency itself, or what was overridden. */
function provenBy({ overlay }: PolicyState, id: string): string | undefined {
  const entry = overlay.find((one) => one.id === id);
  return entry?.kind === 'emergency' ? id : entry?.proposal;
}

/** From the genesis value on, each decision on the one before it. */
function historyOf(key: string, current: string | undefined, { ledger, policy }: RowSources): PolicyHistory[] {
  const decisions: { readonly id: string; readonly value: unknown }[] = [];
  for (let at = current; at !== undefined && at !== GENESIS; ) {
    const id = at;
    const action = ledger.proposal(id)?.body.actions.find((one) => one.op === 'set' && one.key === key);
    if (action?.op !== 'set') break;
    decisions.push({ id, value: action.value });
    at = action.base;
  }
  const genesis = { value: policy.genesisValue(key) ?? null, version: 0, decided_by: GENESIS };
  const later = decisions.reverse().map(({ id, value }, index) => ({ value, version: index + 1, decided_by: id }));
  return [genesis, ...later];
}
