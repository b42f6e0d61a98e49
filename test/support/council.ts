import { createHash } from 'node:crypto';
import type { Acted, ProposalView } from '../../node/governance/index.ts';
import { type GovernanceNetwork, type TestNode, type VoterName, voters } from './governance-network.ts';

export const forever = { signal: new AbortController().signal };

export const retention = (days: number) => ({
  title: `Keep for ${days} days`,
  description: 'Longer is better',
  type: 'major_change',
  configUpdates: { 'knowledge.retention_days': days },
  autoVote: false,
});

export const days = (node: TestNode) => node.policy().value('knowledge.retention_days');
export const thumbprintOf = (x: string) =>
  createHash('sha256').update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest('base64url');
export const kid = (voter: VoterName) => thumbprintOf(voters[voter].x);

export function value<T>(acted: Acted<T>): T {
  if (acted.kind === 'refused') throw new Error(`${acted.refusal.code}: ${acted.refusal.message}`);
  return acted.value;
}
export const codeOf = (acted: Acted<unknown>) => (acted.kind === 'refused' ? acted.refusal.code : 'done');

export type Row = [TestNode, TestNode, TestNode, TestNode];

/** What voters do on a network whose clock the test moves. */
export class Council {
  readonly #net: () => GovernanceNetwork;

  constructor(net: () => GovernanceNetwork) {
    this.#net = net;
  }

  /** What `work` ends with, while time passes: at least `ms`, and until it has ended. */
  readonly during = async <T>(work: Promise<T>, ms = 3_000): Promise<T> => {
    let ended = false;
    const ending = work.finally(() => {
      ended = true;
    });
    for (let passed = 0; passed < ms || (!ended && passed < 20_000); passed += 250) await this.#net().pass(250);
    return ending;
  };

  readonly propose = async (node: TestNode, by: VoterName, request = retention(90)): Promise<ProposalView> =>
    value(await this.during(node.governance.propose(request, node.as(by), forever), 1_000));

  readonly vote = async (
    node: TestNode,
    by: VoterName,
    proposalId: string,
    word: 'approve' | 'reject' | 'abstain' = 'approve',
  ): Promise<Acted<ProposalView>> => {
    const request = { proposalId, vote: word, reasoning: 'because', conditions: [], final: false };
    return this.during(node.governance.vote(request, node.as(by), forever));
  };

  /** Four nodes in a row, a voter on each but the last: whoever is not next to each other hears through those between. */
  readonly row = async (): Promise<Row> => {
    const net = this.#net();
    const nodes = [
      await net.node(11, { holds: ['sage'] }),
      await net.node(12, { holds: ['curator'] }),
      await net.node(13, { holds: ['king'] }),
      await net.node(14),
    ] as Row;
    for (const [index, node] of nodes.slice(1).entries()) net.connect(nodes[index] as TestNode, node);
    await net.pass(1_000);
    return nodes;
  };
}
