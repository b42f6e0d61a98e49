import { Ledger, referenceTally, type Statement } from '../../../src/governance/index.ts';
import { Violation } from './checks.ts';
import type { SimNode } from './node.ts';
import { BORN_MS, DAY_MS } from './village.ts';
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
  for (const node of world.nodes) unforged(node, world);
  for (const node of world.nodes) retold(node, world);
  differ(world);
  const outcomes: Record<string, number> = {};
  for (const { outcome } of ledger.proposals()) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  return { outcomes, epochs: ledger.epoch().ep, evidence: ledger.evidence().length, root: ledger.policy().root };
}

/** S11: in a closed epoch nothing rests on what was signed with keys that were replaced since. */
function unforged({ ledger, name }: SimNode, { checks }: World): void {
  if (!checks.thieves) return;
  for (const { end, ep } of ledger.epochs()) {
    if (end !== undefined && checks.isForged(end.change))
      throw new Violation('S11', `${name}: thieves ended epoch ${ep}`);
  }
  for (const { id, ep } of ledger.decisions()) {
    if (ledger.epochs()[ep]?.end === undefined || ledger.epochs()[ep]?.end?.change === id) continue;
    const said = [...ledger.registers().commitsOn(id).values()].flat();
    const own = said.filter(
      (one) => one.payload.body.value === 'approve' && one.payload.ep === ep && !checks.isForged(one.id),
    );
    const approving = new Set(own.map(({ kid }) => kid));
    if (approving.size < (ledger.proposal(id)?.required ?? 0) || checks.isForged(id))
      throw new Violation('S11', `${name}: ${id} rests on what thieves signed`);
  }
}

/** S12, S3: told the same backwards and twice, by a clock of another year, a node ends at the same. */
function retold({ ledger, disk, name }: SimNode, { chance, off }: World): void {
  const again = new Ledger(ledger.constitution, { off });
  const nowMs = BORN_MS + chance.between(-300, 300) * DAY_MS;
  let waiting: readonly Statement[] = [...disk].reverse();
  for (let before = -1; before !== again.size; ) {
    before = again.size;
    // Whose epoch is not known yet, or known wrongly until thieves are found out, is offered again.
    const offered = [...waiting, ...waiting.slice(0, 5)];
    waiting = offered.filter((one) => ['parked', 'refused'].includes(again.add(one, { nowMs }).kind));
  }
  if (again.policy().root !== ledger.policy().root) throw new Violation('S12', `${name} tells itself another policy`);
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
