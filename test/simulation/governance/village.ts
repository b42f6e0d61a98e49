import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import type { Constitution } from '../../../src/constitution/index.ts';
import { villageIdOf } from '../../../src/constitution/index.ts';
import {
  keyProofInput,
  type Payload,
  type Statement,
  statementInput,
  thumbprint,
} from '../../../src/governance/index.ts';
import { keypair } from '../../support/keypair.ts';

const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A voter's key. `holder` is whose hands it is in. */
export interface VoterKey {
  readonly voter: string;
  readonly x: string;
  readonly kid: string;
  readonly secret: KeyObject;
}

function voterKey(voter: string, seed: number): VoterKey {
  const { x } = keypair(seed);
  const secret = createPrivateKey({
    key: Buffer.concat([PKCS8, Buffer.alloc(32, seed)]),
    format: 'der',
    type: 'pkcs8',
  });
  return { voter, x, kid: thumbprint(x), secret };
}

export const VOTERS = ['sage', 'curator', 'king'] as const;
/** Each voter's keys: the one of the beginning, and those it may change to. */
export const KEYS: Readonly<Record<string, readonly VoterKey[]>> = Object.fromEntries(
  VOTERS.map((voter, index) => [voter, [0, 1, 2].map((turn) => voterKey(voter, 61 + index + 10 * turn))]),
);
export const BORN_MS = 1_800_000_000_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** A village of three voters. Rank of its keys, told apart by hand: notes are minor, plans major, the rest critical. */
export const council: Constitution = {
  format: 1,
  name: 'council',
  created_at: BORN_MS,
  founder: { node_id: keypair(10).peerId, issuer_key: keypair(110).x },
  voters: Object.fromEntries(VOTERS.map((voter) => [voter, KEYS[voter]?.[0]?.x ?? ''])),
  agents: {},
  thresholds: { minor_change: 1, major_change: 2, critical_change: 3, emergency_action: 1 },
  change_types: {
    'note.*': 'minor_change',
    'plan.*': 'major_change',
    'nodes.evicted': 'major_change',
    '*': 'critical_change',
  },
  governance: { emergency_keys: ['plan.*', 'note.*'] },
  policy: {
    'note.a': 0,
    'plan.a': 0,
    'plan.b': 0,
    'rule.a': 0,
    'permissions.tools.governance_vote.level': 'GOVERNANCE',
    'nodes.evicted': [],
  },
};
export const NET = villageIdOf(council);

export function signStatement(key: VoterKey, payload: Payload): Statement {
  const { input, id } = statementInput(key.x, payload);
  const token = `${input}.${sign(null, Buffer.from(input), key.secret).toString('base64url')}`;
  return { id, token, kid: key.kid, payload };
}

/** A new key's word that it takes the seat. */
export function proofOf(key: VoterKey, ep: number): string {
  const input = keyProofInput({ net: NET, ep, voter: key.voter, key: key.x });
  return `${input}.${sign(null, Buffer.from(input), key.secret).toString('base64url')}`;
}
