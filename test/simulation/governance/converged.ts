import { referenceTally } from '../../../src/governance/index.ts';
import { Violation } from './checks.ts';
import type { SimNode } from './node.ts';
import type { World } from './world.ts';

export interface Ended {
  readonly outcomes: Readonly<Record<string, number>>;
  readonly epochs: number;
  readonly evidence: number;
  readonly root: string;
}

/** What must hold when everybody has been told everything: one state, nothing left open, the same as a plain count says. */
export function converged(world: World): Ended {
  const [first, ...others] = world.nodes;
  if (first === undefined) throw new TypeError('a village without nodes');
  const { ledger } = first;
  for (const node of others) {
    const { ledger: other, name } = node;
    for (const { id, outcome } of ledger.proposals()) {
      const there = other.proposal(id)?.outcome;
      if (there !== outcome) throw new Violation('S3', `${id} is ${outcome} at ${first.name} and ${there} at ${name}`);
    }
    if (other.epoch().base !== ledger.epoch().base) throw new Violation('S3', `${name} is in another epoch`);
    if (other.policy().root !== ledger.policy().root) throw new Violation('S3', `${name} has another policy`);
    if (accused(node) !== accused(first)) throw new Violation('S2', `${name} accuses others than ${first.name}`);
  }
  for (const { id, outcome, ep, commits } of ledger.proposals()) {
    const open = outcome === 'open' && ep === ledger.epoch().ep && ledger.closing() === undefined;
    if (open && !world.voters.some(({ halted }) => halted)) {
      throw new Violation('L1', `${id} is open after everybody's deadline: ${JSON.stringify(commits)}`);
    }
  }
  const stuck = ledger.closing();
  const blockable = world.traitor !== undefined && (stuck?.signers.length ?? 0) < 3;
  if (stuck !== undefined && !blockable && !world.voters.some(({ halted }) => halted)) {
    throw new Violation('L1', `epoch ${ledger.epoch().ep} does not end`);
  }
  const lasting = ledger.policy().overlay.filter((one) => one.inForce && !one.ratified && one.ended === undefined);
  const unasked = lasting.filter((one) => ledger.question(`ratify:${one.id}`)?.outcome !== 'approved');
  if (unasked.length > 0 && ledger.closing() === undefined && !world.voters.some(({ halted }) => halted)) {
    throw new Violation('S10', `${unasked.length} overlay entries outlast their deadline without being ratified`);
  }
  differ(world);
  const outcomes: Record<string, number> = {};
  for (const { outcome } of ledger.proposals()) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  return { outcomes, epochs: ledger.epoch().ep, evidence: ledger.evidence().length, root: ledger.policy().root };
}

/** Who is proven to have contradicted itself. */
function accused({ ledger }: SimNode): string {
  const proven = ledger.evidence().filter(({ about }) => about === 'register');
  return [...new Set(proven.map(({ kid }) => kid))].sort().join();
}

/** The index against a plain count of the same statements. */
function differ(world: World): void {
  for (const { ledger, disk, name } of world.nodes) {
    for (const { id, outcome, ep, voters, required } of ledger.proposals()) {
      const epoch = ledger.epochs()[ep];
      if (outcome === 'invalid' || outcome === 'approved_override' || epoch?.end !== undefined || epoch === undefined)
        continue;
      const kids = voters.map((voter) => epoch.rules.kids.get(voter) ?? '');
      const plain = referenceTally(disk, { question: id, ep, kids, required });
      if (plain !== outcome) throw new Violation('S3', `${name} counts ${id} as ${outcome}, a plain count ${plain}`);
    }
  }
}
