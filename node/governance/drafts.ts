import { namedInVain, objectToPolicyValue, type PolicyValue, type PolicyView } from '../../src/constitution/index.ts';
import {
  type Action,
  GENESIS,
  type Ledger,
  leastType,
  PROPOSAL_TYPES,
  type ProposalType,
} from '../../src/governance/index.ts';
import { sha256Hex } from '../../src/kernel/index.ts';
import type { ActRefusal, ProposeRequest } from './desk.ts';
import { draftRules } from './draft-rules.ts';

const PolicyKey = /^[a-z][a-z0-9_]*(\.[A-Za-z0-9_*@-]+)+$/;
const MAX_KEY = 128;

export type Draft =
  | { readonly kind: 'draft'; readonly type: ProposalType; readonly actions: readonly Action[] }
  | { readonly kind: 'refused'; readonly refusal: ActRefusal };

export interface DraftContext {
  readonly ledger: Ledger;
  /** In force now. */
  readonly policy: Pick<PolicyView, 'value' | 'agentOf'>;
  /** The village. */
  readonly net: string;
  /** Sets this resolution apart from others of the same words. */
  readonly nonce: string;
}

/** What a proposal would do, or why it cannot be made like this. */
export function draftOf(request: ProposeRequest, context: DraftContext): Draft {
  const { ledger, policy, nonce } = context;
  const { configUpdates, revoke, change, type, title } = request;
  const updates = Object.entries(configUpdates);
  if (revoke !== undefined && updates.length > 0) {
    return refused('INVALID_ARGUMENTS', 'a proposal either changes policy or revokes: make two of them');
  }
  if (change !== undefined) {
    if (updates.length > 0 || revoke !== undefined) {
      return refused('INVALID_ARGUMENTS', 'who decides is changed by a proposal of its own');
    }
    const drafted = draftRules(change, context);
    return 'code' in drafted
      ? { kind: 'refused', refusal: drafted }
      : { kind: 'draft', type: type as ProposalType, actions: [drafted] };
  }
  const actions: Action[] = [];
  for (const [key, value] of updates) {
    const problem =
      objectTo(key, value as PolicyValue, policy.value(key)) ?? objectToNames(key, value as PolicyValue, context);
    if (problem !== undefined) return refused('INVALID_CHANGE', problem);
    const base = ledger.policy().entries.get(key)?.base ?? GENESIS;
    actions.push({ op: 'set', key, base, value: value as PolicyValue });
  }
  if (revoke !== undefined) actions.push({ op: 'revoke', entry: revoke });
  // Without changes it is a resolution: what was resolved stands in the policy, where everybody finds it.
  if (actions.length === 0) {
    const key = `notify.resolutions.${sha256Hex(`${title} ${nonce}`).slice(0, 16)}`;
    actions.push({ op: 'set', key, base: GENESIS, value: title.normalize('NFC') });
  }
  return { kind: 'draft', type: type as ProposalType, actions };
}

/** Why the type is too low for what is to be done; undefined: it is not. */
export function objectToType(type: ProposalType, actions: readonly Action[], ledger: Ledger): ActRefusal | undefined {
  if (type === 'emergency_action') return undefined;
  const least = leastType(actions, ledger.epoch().rules);
  if (PROPOSAL_TYPES.indexOf(type) >= PROPOSAL_TYPES.indexOf(least)) return undefined;
  const message = `these changes need a ${least}; ${type} is too low`;
  return { code: 'TYPE_TOO_LOW', message, detail: { least_type: least } };
}

function objectTo(key: string, value: PolicyValue, before: PolicyValue | undefined): string | undefined {
  if (key.length > MAX_KEY || !PolicyKey.test(key)) return `${key.slice(0, MAX_KEY)} is no policy key`;
  if (!isSignable(value)) return `${key}: numbers must be whole and of at most 15 digits`;
  if (JSON.stringify(value) === JSON.stringify(before)) return `${key} is ${JSON.stringify(value)} already`;
  return objectToPolicyValue(key, value, { declared: before !== undefined });
}

/** Of a name that nobody has the decision would do nothing, and nobody would notice. */
function objectToNames(key: string, value: PolicyValue, { policy }: DraftContext): string | undefined {
  const [name] = namedInVain(key, value, policy);
  return name === undefined
    ? undefined
    : `${key}: no agent of the village is called ${JSON.stringify(name)}; one of a node is NAME@NODE, as \`village agents list\` has it there`;
}

/** Statements carry whole numbers only, so that every reader reads the same. */
export function isSignable(value: unknown): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value);
  if (Array.isArray(value)) return value.every(isSignable);
  return typeof value !== 'object' || value === null || Object.values(value).every(isSignable);
}

/** Facts that somebody gave freely, so that they can be signed: other numbers become text, text its composed form. */
export function signable(value: unknown): PolicyValue {
  if (typeof value === 'string') return value.normalize('NFC');
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : String(value);
  if (Array.isArray(value)) return value.map(signable);
  if (typeof value !== 'object' || value === null) return (value ?? null) as PolicyValue;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name.normalize('NFC'), signable(item)]));
}

function refused(code: string, message: string): Draft {
  return { kind: 'refused', refusal: { code, message } };
}
