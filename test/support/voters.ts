import { createPrivateKey, sign } from 'node:crypto';
import { type Constitution, villageIdOf } from '../../src/constitution/index.ts';
import {
  type Action,
  keyProofInput,
  type Ledger,
  type Payload,
  type PayloadOf,
  type ProposalType,
  type Statement,
  type StatementKind,
  type StatementOf,
  statementInput,
  thumbprint,
} from '../../src/governance/index.ts';
import { keypair } from './keypair.ts';

export const BORN_MS = 1_800_000_000_000;
export const DAY_MS = 24 * 3_600_000;

const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Signs a signing input with the key of a seed. */
export function signed(seed: number, input: string): string {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, Buffer.alloc(32, seed)]), format: 'der', type: 'pkcs8' });
  return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`;
}

export const SEEDS = { sage: 61, curator: 62, king: 63 } as const;
export type VoterName = keyof typeof SEEDS;
export const VOTERS = Object.keys(SEEDS) as VoterName[];

/** A village of three voters, with a policy small enough to read. */
export const council: Constitution = {
  format: 1,
  name: 'council',
  created_at: BORN_MS,
  founder: { node_id: keypair(10).peerId, issuer_key: keypair(110).x },
  voters: Object.fromEntries(VOTERS.map((voter) => [voter, keypair(SEEDS[voter]).x])),
  agents: Object.fromEntries(
    VOTERS.map((voter) => [voter, { key: keypair(SEEDS[voter]).x, level: 'GOVERNANCE', role: 'votes' }]),
  ),
  thresholds: { minor_change: 1, major_change: 2, critical_change: 3, emergency_action: 1 },
  change_types: {
    'display.*': 'minor_change',
    'knowledge.*': 'major_change',
    'fog.*': 'major_change',
    'rates.*': 'major_change',
    'nodes.evicted': 'major_change',
    '*': 'critical_change',
  },
  policy: {
    'display.village_name': 'council',
    'knowledge.retention_days': 30,
    'nodes.evicted': [],
    'fog.vote_above': 8,
  },
};
export const NET = villageIdOf(council);

/** Signs a voter's log, one statement after the other. */
export class Pen {
  readonly voter: string;
  readonly key: string;
  readonly kid: string;
  readonly #seed: number;
  seq = 0;
  prev: string | null = null;
  ts = BORN_MS;
  ep = 0;

  constructor(voter: string, seed: number = SEEDS[voter as VoterName]) {
    this.voter = voter;
    this.#seed = seed;
    this.key = keypair(seed).x;
    this.kid = thumbprint(this.key);
  }

  /** The next statement of the log, with anything in it changed. */
  write<K extends StatementKind>(kind: K, body: PayloadOf<K>['body'], changes: Partial<Payload> = {}): StatementOf<K> {
    this.ts += 1000;
    this.seq += 1;
    const { voter, ep, seq, prev, ts } = this;
    const statement = this.sign({ v: 1, net: NET, ep, kind, voter, seq, prev, ts, body, ...changes } as Payload);
    this.prev = statement.id;
    return statement as StatementOf<K>;
  }

  /** Any statement of this key, beside its log. */
  sign(payload: Payload): Statement {
    const { input, id } = statementInput(this.key, payload);
    return { id, token: signed(this.#seed, input), kid: this.kid, payload };
  }

  propose(type: ProposalType, actions: Action[], changes: Record<string, unknown> = {}): StatementOf<'proposal'> {
    const deadline = this.ts + 1000 + DAY_MS;
    const body = {
      type,
      title: 'a change',
      description: 'what it is for, at some length',
      actions,
      deadline,
      ...changes,
    };
    return this.write('proposal', body);
  }

  commit(proposal: string, value: 'approve' | 'reject' | 'abstain'): StatementOf<'commit'> {
    return this.write('commit', { proposal, value });
  }

  vote(proposal: string, value: 'approve' | 'reject' | 'abstain'): StatementOf<'vote'> {
    return this.write('vote', { proposal, value });
  }

  proof(ep = this.ep): string {
    return signed(this.#seed, keyProofInput({ net: NET, ep, voter: this.voter, key: this.key }));
  }
}

export function pens(): Record<VoterName, Pen> {
  return { sage: new Pen('sage'), curator: new Pen('curator'), king: new Pen('king') };
}

export const set = (key: string, value: string | number | string[], base = 'genesis'): Action => ({
  op: 'set',
  key,
  base,
  value,
});

/** Takes statements in, each as a token. Throws when one is not accepted. */
export function feed(ledger: Ledger, ...statements: readonly Statement[]): void {
  for (const { token } of statements) {
    const result = ledger.ingest(token);
    if (result.kind !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(result)}`);
  }
}
