import {
  type Choice,
  GENESIS,
  historyOf,
  type OverlayEntry,
  type SetAction,
  type Outcome,
  type PolicyState,
  questionOf,
  type Statement,
  type StatementOf,
  verifyCertificate,
} from '../../../src/governance/index.ts';
import type { SimNode } from './node.ts';
import { HOUR_MS, KEYS, NET } from './village.ts';

/** What went wrong, by the invariant that it breaks. */
export class Violation extends Error {
  readonly invariant: string;
  constructor(invariant: string, what: string) {
    super(`${invariant}: ${what}`);
    this.name = 'Violation';
    this.invariant = invariant;
  }
}

const HEIGHT: Readonly<Record<Outcome, number>> = {
  invalid: 0,
  open: 0,
  dropped: 0,
  rejected: 1,
  approved_override: 2,
  approved: 3,
};
const EVERY_VOTER = Object.values(KEYS).flat();
/** What no single voter's act may ever touch. */
const FLOOR = /^permissions\.tools\.governance_|^rule\./;

interface Stand {
  readonly ep: number;
  readonly size: number;
  readonly outcomes: ReadonlyMap<string, Outcome>;
}

/** Watches a whole village from outside, which no node can. */
export class Checks {
  readonly #traitor: string | undefined;
  /** `kid question` → what was signed, by whoever holds the key. */
  readonly #commits = new Map<string, Map<Choice, Statement>>();
  readonly #outcomes = new Map<string, Set<Outcome>>();
  readonly #stands = new Map<string, Stand>();
  readonly #policies = new Map<string, PolicyState>();
  readonly #closed = new Map<string, string>();
  readonly #proven = new Set<string>();
  readonly #saidAt = new Map<string, number>();
  readonly #approvedAt = new Map<string, number>();
  readonly #inForce = new Map<string, ReadonlySet<string>>();
  readonly #forged = new Set<string>();
  readonly #effects = new Set<string>();
  readonly #fences = new Set<string>();
  /** Somebody signs with keys that were replaced. */
  thieves = false;
  signatures = 0;
  /** An epoch was closed without one voter: what that one signed unheard is void, and may have counted somewhere before. */
  closedWithout = false;

  constructor(traitor: string | undefined) {
    this.#traitor = traitor;
  }

  /** S5: a register of an honest key is written once. */
  signed(statement: Statement, nowMs: number): void {
    this.signatures += 1;
    this.#saidAt.set(statement.id, nowMs);
    const { payload, kid } = statement;
    if (payload.kind === 'fence' && payload.voter !== this.#traitor) {
      const name = `${kid} fence ${payload.body.change} ${payload.body.without}`;
      if (this.#fences.has(name)) throw new Violation('S5', `${payload.voter} fences ${payload.body.change} twice`);
      this.#fences.add(name);
    }
    if (payload.kind !== 'commit') return;
    const name = `${kid} ${payload.ep} ${questionOf(payload.body)}`;
    const values = this.#commits.get(name) ?? new Map<Choice, Statement>();
    values.set(payload.body.value, statement);
    this.#commits.set(name, values);
    if (values.size > 1 && payload.voter !== this.#traitor) {
      throw new Violation('S5', `${payload.voter} committed ${[...values.keys()].join(' and ')} on one question`);
    }
  }

  /** Not by whom the key was given to. */
  forged({ id }: Statement): void {
    this.thieves = true;
    this.#forged.add(id);
  }

  isForged(id: string): boolean {
    return this.#forged.has(id);
  }

  /** S9: for one approval, and for one request however often approved, at most one effect. */
  effect(node: SimNode, { id, nonce }: { readonly id: string; readonly nonce: string }): void {
    for (const name of [id, `${node.name} ${nonce}`]) {
      if (this.#effects.has(name)) throw new Violation('S9', `${node.name} makes call ${name} again`);
      this.#effects.add(name);
    }
    if (node.ledger.outcome(id) !== 'approved') throw new Violation('S9', `${node.name} makes call ${id} unapproved`);
  }

  /** It was lost with the only disk it was on. */
  unsigned({ id, payload, kid }: Statement): void {
    if (payload.kind === 'fence') this.#fences.delete(`${kid} fence ${payload.body.change} ${payload.body.without}`);
    if (payload.kind !== 'commit' || payload.voter === this.#traitor) return;
    const values = this.#commits.get(`${kid} ${payload.ep} ${questionOf(payload.body)}`);
    if (values?.get(payload.body.value)?.id === id) values.delete(payload.body.value);
    this.#outcomes.delete(payload.body.proposal);
  }

  /** Whether somebody's signatures on a question contradict each other. */
  contradicted(question: string): boolean {
    return EVERY_VOTER.some(({ kid }) =>
      [...this.#commits].some(([name, values]) => name.startsWith(kid) && name.endsWith(question) && values.size > 1),
    );
  }

  /** Everything that must hold at a node at any time. */
  after(node: SimNode, nowMs: number): void {
    this.#electorate(node);
    const stand = this.standOf(node);
    this.#riseOnly(node, stand);
    this.#agree(stand);
    for (const [id, outcome] of stand.outcomes) {
      if (outcome === 'approved' && !this.#approvedAt.has(id)) this.#approvedAt.set(id, nowMs);
    }
    const policy = node.ledger.policy();
    if (this.#policies.get(node.name) !== policy) {
      this.#policies.set(node.name, policy);
      this.#authority(node, policy);
      this.#slots(node);
      this.#lasting(node, policy);
      this.#overlay(node, policy);
    }
    this.#epochs(node);
    this.#stands.set(node.name, stand);
  }

  standOf(node: SimNode): Stand {
    const outcomes = new Map(node.ledger.proposals().map(({ id, outcome }) => [id, outcome]));
    return { ep: node.ledger.epoch().ep, size: node.ledger.size, outcomes };
  }

  /** S13: nothing is lost by starting again. */
  restarted(node: SimNode, before: Stand): void {
    const now = this.standOf(node);
    if (now.ep < before.ep || now.size < before.size) throw new Violation('S13', `${node.name} came back with less`);
    for (const [id, outcome] of before.outcomes) {
      if (now.outcomes.get(id) !== outcome)
        throw new Violation('S13', `${node.name} came back with ${id} ${now.outcomes.get(id)}`);
    }
  }

  forget(node: SimNode): void {
    this.#stands.delete(node.name);
    this.#inForce.delete(node.name);
  }

  /** S4: what is decided is never undecided. */
  #riseOnly(node: SimNode, stand: Stand): void {
    const before = this.#stands.get(node.name);
    if (before === undefined || this.#traitor !== undefined || this.closedWithout || this.thieves) return;
    for (const [id, outcome] of before.outcomes) {
      const now = stand.outcomes.get(id) ?? 'open';
      if (HEIGHT[now] < HEIGHT[outcome])
        throw new Violation('S4', `${node.name}: ${id} fell from ${outcome} to ${now}`);
    }
    if (stand.ep < before.ep) throw new Violation('S4', `${node.name} fell back to epoch ${stand.ep}`);
  }

  /** S1, S2: nothing is both approved and rejected, unless somebody's signatures prove that it contradicted itself. */
  #agree(stand: Stand): void {
    for (const [id, outcome] of stand.outcomes) {
      if (outcome !== 'approved' && outcome !== 'rejected') continue;
      const seen = this.#outcomes.get(id) ?? new Set();
      this.#outcomes.set(id, seen.add(outcome));
      if (seen.size > 1 && !this.contradicted(id))
        throw new Violation('S1', `${id} was approved and rejected, and nobody lied`);
    }
  }

  /** S7: what is in force is proven, and by as much as it takes. */
  #authority(node: SimNode, policy: PolicyState): void {
    for (const [id, standing] of policy.standing) {
      const name = `${id} ${node.ledger.epoch().ep}`;
      if (this.#proven.has(name) || standing === 'superseded') continue;
      this.#proven.add(name);
      const proposal = node.ledger.get(id) as StatementOf<'proposal'>;
      const certificate = node.ledger.certificate(id);
      const verdict = verifyCertificate(certificate, { net: NET, history: historyOf(node.ledger) });
      if (verdict.kind !== 'valid')
        throw new Violation('S7', `${id} is in force and its certificate is ${verdict.because}`);
      if (verdict.closed !== (node.ledger.epochs()[verdict.epoch]?.end !== undefined))
        throw new Violation('S7', `${id}: its certificate is wrong about the end of epoch ${verdict.epoch}`);
      const needed = Math.max(
        ...proposal.payload.body.actions.map((one) => (one.op === 'set' ? approvalsFor(one.key) : 0)),
      );
      const signers = new Set(verdict.signers).size;
      const voters = node.ledger.epochs()[proposal.payload.ep]?.rules.voters.size ?? 3;
      if (signers < Math.min(needed, voters))
        throw new Violation('S7', `${id} is in force with ${signers} of ${needed} approvals`);
      const own = node.ledger.registers().commitsOn(id);
      const committed = [...own.values()].flat().filter((one) => one.payload.body.value === 'approve');
      if (new Set(committed.map(({ kid }) => kid)).size < Math.min(needed, voters))
        throw new Violation('S7', `${id} lacks commits`);
    }
  }

  /** S6: two decisions that both took a majority never replace the same version, unless somebody contradicted itself. */
  #slots(node: SimNode): void {
    const taken = new Map<string, string>();
    for (const { id, type, actions } of node.ledger.decisions()) {
      if (type !== 'major_change' && type !== 'critical_change') continue;
      for (const action of actions) {
        if (action.op !== 'set') continue;
        const slot = `${action.key} ${action.base}`;
        const other = taken.get(slot);
        if (other !== undefined && this.#traitor === undefined && !this.closedWithout && !this.thieves) {
          throw new Violation('S6', `${other} and ${id} both replace ${slot}`);
        }
        taken.set(slot, id);
      }
    }
  }

  /** S6: one version is replaced once, and one voter's late change displaces nothing that a majority decided. */
  #lasting(node: SimNode, policy: PolicyState): void {
    const replaced = new Map<string, string>();
    const majorities = new Set<string>();
    for (const { id, type, actions } of node.ledger.decisions()) {
      if (policy.standing.get(id) === 'superseded' || !policy.standing.has(id)) continue;
      if (type === 'major_change' || type === 'critical_change') majorities.add(id);
      for (const action of actions) {
        if (action.op !== 'set') continue;
        const slot = `${action.key} ${action.base}`;
        if (replaced.has(slot))
          throw new Violation('S6', `${id} and ${replaced.get(slot)} are both in force from ${slot}`);
        replaced.set(slot, id);
      }
    }
    for (const id of this.#inForce.get(node.name) ?? []) {
      if (!majorities.has(id) && this.#traitor === undefined && !this.closedWithout && !this.thieves)
        throw new Violation('S6', `${id} was displaced`);
    }
    this.#inForce.set(node.name, majorities);
  }

  /** What an honest node commits has its reason in what it knows. */
  justified(
    node: SimNode,
    commit: StatementOf<'commit'>,
    { nowMs, final }: { nowMs: number; final: ReadonlySet<string> },
  ): void {
    const { proposal: id, value, because, ratifies } = commit.payload.body;
    const known = node.ledger.proposal(id);
    if (known === undefined || ratifies === true) return;
    const [action] = known.body.actions;
    const said = (other: string) => this.#commits.get(`${commit.kid} ${known.ep} ${other}`);
    if (because === 'slot-conflict') {
      const rivals = node.ledger.proposals().filter((one) => one.id !== id && said(one.id)?.has('approve'));
      const held = rivals.some(
        ({ outcome }) => outcome === 'open' || outcome === 'approved' || outcome === 'approved_override',
      );
      if (!held) throw new Violation('L2', `${commit.payload.voter} refuses ${id} for a rival that is gone`);
    }
    if (value !== 'approve') return;
    if (action?.op === 'set') {
      const current = node.ledger.policy().entries.get(action.key)?.base ?? GENESIS;
      if (current !== action.base)
        throw new Violation('L2', `${commit.payload.voter} approves ${id}, whose version is gone`);
    }
    if (action?.op === 'recover' && action.intent !== null) {
      const since = this.#approvedAt.get(action.intent) ?? nowMs;
      if (nowMs - since < 72 * HOUR_MS) throw new Violation('S10', `${id} replaces a voter who had no time to object`);
    }
    const wanting = known.voters.filter(
      (voter) => known.votes[voter]?.payload.body.value === 'approve' || known.commits[voter]?.includes('approve'),
    );
    const period = node.ledger.epoch().rules.periodMs[known.body.type];
    const late = node.wallMs(nowMs) > known.body.deadline || nowMs > (this.#saidAt.get(id) ?? nowMs) + period;
    if (wanting.length < known.required && !final.has(id) && !late)
      throw new Violation('L2', `${id} is committed before it has support`);
  }

  /** S10: one voter's act stays above what was voted, and away from who decides. */
  #overlay(node: SimNode, policy: PolicyState): void {
    this.#layers(node, policy);
    for (const [key, entry] of policy.entries) {
      if (entry.overlay !== undefined && FLOOR.test(key)) throw new Violation('S10', `${entry.overlay} reaches ${key}`);
    }
    for (const { id, inForce, by, kind, ended } of policy.overlay) {
      if (inForce && kind !== 'hold' && by !== 'king') throw new Violation('S10', `${by} overrides with ${id}`);
      if (!inForce && ended === undefined) throw new Violation('S10', `${id} ended for no reason`);
    }
    const homes = node.ledger.homes();
    const silenced = [...policy.held.node].filter((one) => homes.has(one));
    const voters = [...policy.held.agent].filter((one) => node.ledger.epoch().rules.voters.has(one));
    if (silenced.length + voters.length > 0)
      throw new Violation('S10', `a hold reaches a voter: ${[...silenced, ...voters].join()}`);
    const evicted = policy.entries.get('nodes.evicted');
    const type = (node.ledger.get(evicted?.base ?? '') as StatementOf<'proposal'> | undefined)?.payload.body.type;
    const out =
      Array.isArray(evicted?.value) && type !== 'critical_change'
        ? evicted.value.filter((one) => homes.has(String(one)))
        : [];
    if (out.length > 0) throw new Violation('S10', `a voter's home is evicted by less than all: ${out.join()}`);
  }

  /** S10: what lies above a version ends with it; what others ended is not laid again; one hold for one target. */
  #layers(node: SimNode, policy: PolicyState): void {
    const over = new Set<string>();
    const holds = new Set<string>();
    const writesOf = ({ id, proposal, kind }: OverlayEntry): readonly SetAction[] => {
      const payload = node.ledger.get(kind === 'approve' ? (proposal ?? '') : id)?.payload;
      return payload?.kind === 'proposal' ? payload.body.actions.filter((one) => one.op === 'set') : [];
    };
    for (const entry of policy.overlay) {
      const { id, target, ended, ep, by } = entry;
      const hold = `${by} ${ep} ${target?.kind} ${target?.id}`;
      if (target !== undefined && ended !== 'void') {
        if (holds.has(hold)) throw new Violation('S10', `${by} holds ${target.id} again`);
        holds.add(hold);
      }
      for (const { key, base } of writesOf(entry)) {
        const laid = policy.entries.get(key);
        if (laid?.overlay === id && laid.base !== base)
          throw new Violation('S10', `${id} outlives the version it was laid on`);
        if (entry.inForce && !entry.ratified && over.has(`${ep} ${key}`))
          throw new Violation('S10', `${id} lays ${key} again`);
        if (ended === 'lapsed' || ended === 'revoked') over.add(`${ep} ${key}`);
      }
    }
  }

  /** Who decides changes only by those who decide: by all of them, or by two against the third. */
  #electorate(node: SimNode): void {
    for (const { end, ep, rules } of node.ledger.epochs()) {
      if (end === undefined || this.isForged(end.change)) continue; // who has not heard of the end yet may be misled until then
      const action = (node.ledger.get(end.change) as StatementOf<'proposal'>).payload.body.actions[0];
      const approving = EVERY_VOTER.filter(({ kid }) =>
        this.#commits.get(`${kid} ${ep} ${end.change}`)?.has('approve'),
      );
      if (action?.op === 'recover') {
        const others = EVERY_VOTER.filter(({ kid }) =>
          this.#commits.get(`${kid} ${ep} ${action.intent}`)?.has('approve'),
        );
        if (others.length < 2) throw new Violation('S10', `epoch ${ep} ended without an intent that two approved`);
      }
      const needed = action?.op === 'amend' ? rules.voters.size : Math.max(2, rules.voters.size - 1);
      if (approving.length < needed)
        throw new Violation('S10', `epoch ${ep} ended by ${approving.map(({ voter }) => voter).join()}`);
      if (end.without !== null || action?.op !== 'amend') this.closedWithout = true;
    }
  }

  /** S11: a closed epoch has the same decisions everywhere. */
  #epochs(node: SimNode): void {
    for (const { end, ep } of node.ledger.epochs()) {
      if (end === undefined || this.#traitor !== undefined || this.closedWithout || this.thieves) continue;
      const decided = node.ledger.proposals().filter((one) => one.ep === ep && one.outcome === 'approved');
      const spelled = decided
        .map(({ id }) => id)
        .sort()
        .join();
      const known = this.#closed.get(`${end.change}`);
      if (known !== undefined && known !== spelled)
        throw new Violation('S11', `epoch ${ep} closed with two sets of decisions`);
      this.#closed.set(end.change, spelled);
    }
  }
}

/** The approvals that a key takes, by the table in village.ts, read by hand. */
function approvalsFor(key: string): number {
  if (key.startsWith('note.')) return 1;
  return key.startsWith('plan.') || key === 'nodes.evicted' ? 2 : 3;
}
