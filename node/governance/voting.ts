import { type Act, Attention, decideToSign, type Ledger } from '../../src/governance/index.ts';
import type { Reporter } from '../telemetry/events.ts';
import type { GovernanceClock } from './ports.ts';
import type { Signer } from './signer.ts';
import { type WaitLimits, Waits } from './waits.ts';

/** What one look can bring a voter to sign: more means that something goes in circles. */
const MAX_AT_ONCE = 256;

export interface VotingOptions {
  readonly ledger: Ledger;
  readonly signer: Signer;
  readonly clock: GovernanceClock;
  readonly reporter: Reporter;
  readonly nodeId: string;
}

/** Commits what voters voted, when it is time: the rule says when, this node's clocks say what time it is. */
export class Voting {
  readonly #options: VotingOptions;
  readonly #waits: Waits;
  /** Voter → questions whose vote it wants committed. */
  readonly #final = new Map<string, Set<string>>();
  /** Voter → since when it has known what: the wall clock alone must not end a vote. */
  readonly #attention = new Map<string, Attention>();
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(options: VotingOptions) {
    this.#options = options;
    this.#waits = new Waits(options.clock);
  }

  /** Looks soon whether a voter whose key is here has something to sign. */
  drive(): void {
    this.#waits.look();
    void this.#look();
  }

  /** Signs what there is to sign now, then resolves. `final`: the voter wants its vote on the proposal committed. */
  async settle(
    voter: string,
    { question, final }: { readonly question: string; readonly final: boolean },
  ): Promise<void> {
    if (final) this.#final.set(voter, (this.#final.get(voter) ?? new Set()).add(question));
    await this.#look();
  }

  /** Waits for what signing and hearing bring about. Never rejects. */
  until(done: () => boolean, limits: WaitLimits): Promise<void> {
    return this.#waits.until(done, limits);
  }

  /** Resolves when nothing is being signed any more. Never rejects. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** Never rejects. A look that is asked for during another one follows it, and is waited for as well. */
  #look(): Promise<void> {
    this.#again = true;
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    // Not before `#look` has written down that this runs.
    await Promise.resolve();
    while (this.#again && !this.#stopped) {
      this.#again = false;
      try {
        for (const voter of this.#options.signer.voters()) await this.#signFor(voter);
      } catch (error) {
        this.#options.reporter.report('background.failed', { area: 'governance', error });
      }
    }
    // In the same turn as the last look at `#again`: whoever asks from now on begins anew, and is not forgotten.
    this.#running = undefined;
  }

  async #signFor(voter: string): Promise<void> {
    const { signer } = this.#options;
    for (let count = 0; count < MAX_AT_ONCE && !this.#stopped; count += 1) {
      if (signer.obstacle(voter) !== undefined) return;
      const next = this.#next(voter);
      if (next === undefined) return this.#settleHome(voter);
      // Decided anew when it is this statement's turn: others may have been taken in since.
      const signed = await signer.sign(voter, next.kind, () => {
        const now = this.#next(voter);
        return now?.kind === next.kind ? now.body : undefined;
      });
      if (signed === undefined) return;
    }
  }

  /** Says where the voter's key is, once: the node is then beyond the reach of what one voter alone can do to nodes. */
  async #settleHome(voter: string): Promise<void> {
    const { signer, nodeId } = this.#options;
    if (signer.homeOf(voter) === nodeId) return;
    await signer.sign(voter, 'home', () => (signer.homeOf(voter) === nodeId ? undefined : { node: nodeId }));
  }

  #next(voter: string): Act | undefined {
    const { ledger, clock } = this.#options;
    return decideToSign(voter, {
      ledger,
      attention: this.#attentionOf(voter),
      clock: { wallMs: clock.wallMs(), monoMs: clock.now() },
      final: this.#final.get(voter),
    })[0];
  }

  #attentionOf(voter: string): Attention {
    const known = this.#attention.get(voter);
    if (known !== undefined) return known;
    const made = new Attention();
    this.#attention.set(voter, made);
    return made;
  }
}
