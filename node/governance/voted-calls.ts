import { type Action, callsToBegin, type Decision, type Ledger, type PolicyState } from '../../src/governance/index.ts';
import { exactCanonicalJson } from '../../src/kernel/index.ts';
import type { Reporter } from '../telemetry/events.ts';
import type { CallJournal, Execution } from './call-journal.ts';

export type Call = Extract<Action, { op: 'call' }>;

/** Makes a call for an agent of this node, with whatever that agent may do then. Never rejects. */
export type RunCall = (
  call: Pick<Call, 'agent' | 'tool' | 'arguments'>,
) => Promise<{ readonly ok: boolean; readonly result: unknown }>;

export interface VotedCallsOptions {
  readonly ledger: Ledger;
  readonly journal: CallJournal;
  readonly nodeId: string;
  readonly reporter: Reporter;
  readonly wallMs: () => number;
  readonly changed: () => void;
}

/** What is asked of a serving node: whose call, which tool, with what. */
export interface ServedQuestion {
  readonly peer: string;
  readonly agent: string;
  readonly tool: string;
  readonly args: unknown;
}

/** Calls that voters approved: each runs once, on the node of whoever asked for it. */
export class VotedCalls {
  readonly #options: VotedCallsOptions;
  /** The arguments of calls that are being made now, by identity: no caller can forge one. */
  readonly #running = new WeakSet<object>();
  #run: RunCall | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(options: VotedCallsOptions) {
    this.#options = options;
  }

  /** From here on calls can be made. */
  start(run: RunCall): void {
    this.#run = run;
    this.look(this.#options.ledger.policy());
  }

  /** Runs what was approved for this node and not begun before. */
  look(state: Pick<PolicyState, 'calls'>): void {
    if (this.#run === undefined) return;
    const { nodeId, journal } = this.#options;
    for (const decision of callsToBegin(state, { node: nodeId, begun: (name) => journal.isBegun(name) })) {
      const [action] = decision.actions;
      if (action?.op === 'call') this.#work = this.#work.then(() => this.#perform(decision, action));
    }
  }

  executionOf(proposalId: string): Execution | undefined {
    return this.#options.journal.get(proposalId);
  }

  /** Whether these are the arguments of a call that was approved and is being made now. */
  isRunning(args: unknown): boolean {
    return typeof args === 'object' && args !== null && this.#running.has(args);
  }

  /**
   * Whether a peer may have this call run here, and once for each approval: where it may, `begin` it before anything happens. What
   * `begin` answers is durable; false: another call took the approval meanwhile.
   */
  serveOnce({ peer, agent, tool, args }: ServedQuestion): { readonly begin: () => Promise<boolean> } | undefined {
    const { journal } = this.#options;
    const asked = spelled(args);
    const approved = this.#options.ledger.policy().calls.find(({ id, actions: [action] }) => {
      if (action?.op !== 'call' || journal.isServed(id) || this.#isOlder(id)) return false;
      return (
        action.node === peer && action.agent === agent && action.tool === tool && spelled(action.arguments) === asked
      );
    });
    if (approved === undefined) return undefined;
    const begin = async (): Promise<boolean> => {
      if (journal.isServed(approved.id)) return false;
      await journal.serve(approved.id);
      return true;
    };
    return { begin };
  }

  /** Resolves when none runs any more. Never rejects. */
  async stop(): Promise<void> {
    this.#run = undefined;
    await this.#work;
  }

  #isOlder(proposalId: string): boolean {
    const { ledger, journal } = this.#options;
    return journal.fromMs > 0 && (ledger.proposal(proposalId)?.createdAtMs ?? 0) < journal.fromMs;
  }

  async #perform({ id }: Decision, call: Call): Promise<void> {
    const { journal, reporter, wallMs, changed } = this.#options;
    const run = this.#run;
    const at = new Date(wallMs()).toISOString();
    try {
      // The disk was put back since it was proposed: whether it ran, nobody here knows.
      if (this.#isOlder(id)) return await journal.skip(id, at);
      if (run === undefined || !(await journal.begin(id, { at, nonce: call.nonce }))) return;
      const args = structuredClone(call.arguments);
      this.#running.add(args);
      const { ok, result } = await run({ agent: call.agent, tool: call.tool, arguments: args });
      this.#running.delete(args);
      await journal.end(id, { status: ok ? 'done' : 'failed', at, nonce: call.nonce, result });
      changed();
    } catch (error) {
      reporter.report('background.failed', { area: 'voted call', error });
    }
  }
}

function spelled(value: unknown): string {
  try {
    return exactCanonicalJson(value ?? {});
  } catch {
    return ''; // no JSON: nothing that was approved is spelled so
  }
}
