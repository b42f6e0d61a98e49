import { randomBytes } from 'node:crypto';
import { type CarriedReceipt, GOVERNANCE, type Heard } from '../../protocols/governance/index.ts';
import { historyOf } from '../../src/governance/index.ts';
import type { Spread, Taken } from '../spread/index.ts';
import { Acting } from './acting.ts';
import { Acts } from './acts.ts';
import type { Chronicle, Entry } from './chronicle.ts';
import type {
  Acted,
  Actor,
  CallRequest,
  GovernanceDesk,
  HoldRequest,
  OverrideRequest,
  PolicyFilter,
  ProposeRequest,
  TakeBackRequest,
  VoteRequest,
  WaitOptions,
} from './desk.ts';
import { Enforcement } from './enforcement.ts';
import { LoneActs } from './lone-acts.ts';
import { Notices } from './notices.ts';
import { type GovernanceParts, type Opened, openParts } from './open-parts.ts';
import type { ReceiptBook } from './receipt-book.ts';
import { Records } from './records.ts';
import { Retelling } from './retelling.ts';
import type { Signer } from './signer.ts';
import type { SignerState } from './signer-state.ts';
import { Sponsoring } from './sponsor.ts';
import { governanceSpread } from './spread.ts';
import type { BroughtView, RulesView, PolicyRow, ProposalView, TimelineEntry } from './views.ts';
import { type RunCall, VotedCalls } from './voted-calls.ts';
import { Voting } from './voting.ts';
import { warningsOf } from './warnings.ts';

/** How this node takes part in deciding: it hears, keeps, enforces and proves what voters sign, and signs for those whose keys are here. */
export class Governance implements GovernanceDesk {
  readonly #parts: GovernanceParts;
  readonly #chronicle: Chronicle;
  readonly #receipts: ReceiptBook;
  readonly #signer: Signer;
  readonly #spread: Spread<Heard>;
  readonly #enforcement: Enforcement;
  readonly #voting: Voting;
  readonly #calls: VotedCalls;
  readonly #records: Records;
  readonly #acting: Acting;
  readonly #acts: Acts;
  readonly #alone: LoneActs;
  readonly #notices: Notices;
  readonly #retelling: Retelling;

  private constructor(parts: GovernanceParts, { chronicle, receipts, signer, journal }: Opened) {
    const { host, village, clock, reporter, sign } = parts;
    const { ledger } = chronicle;
    this.#parts = parts;
    this.#chronicle = chronicle;
    this.#receipts = receipts;
    this.#signer = signer;
    this.#notices = new Notices(clock);
    const wallMs = () => clock.wallMs();
    const changed = () => this.#notices.add('proposals');
    this.#calls = new VotedCalls({ ledger, journal, nodeId: host.nodeId, reporter, wallMs, changed });
    this.#records = new Records({ chronicle, receipts, calls: this.#calls, village, clock });
    const sponsoring = new Sponsoring({ host, village, ledger, signer, clock, sign });
    this.#spread = governanceSpread(parts, {
      logs: () => chronicle.logs(),
      receipts: () => receipts.list(),
      receiptsDigest: () => receipts.digest(),
      takeStatement: (token, from) => chronicle.take(token, from),
      takeReceipt: (carried) => this.#takeReceipt(carried),
      sponsor: (request, from) => sponsoring.answer(request, from),
      pulled: (nodeId) => this.#pulled(nodeId),
      tick: () => this.#tick(),
    });
    this.#enforcement = new Enforcement({
      ledger,
      village,
      nodeId: host.nodeId,
      receipts,
      clock,
      sign,
      tell: (carried) => this.#spread.tell({ kind: 'receipt', ...carried }),
      applied: (state) => {
        this.#notices.add('policy');
        this.#calls.look(state);
      },
      failed: (error) => reporter.report('background.failed', { area: 'governance', error }),
    });
    this.#voting = new Voting({ ledger, signer, clock, reporter, nodeId: host.nodeId });
    const tell = (statement: string) => this.#spread.tell({ kind: 'statement', statement });
    const standing = { nodeId: host.nodeId, chronicle, signer, voting: this.#voting, village, clock, tell };
    const acting = new Acting(standing);
    this.#acting = acting;
    this.#retelling = new Retelling({ ledger, clock, voters: () => signer.voters(), tell });
    this.#alone = new LoneActs({ ...standing, acting });
    this.#acts = new Acts({
      ...standing,
      acting,
      nonce: () => randomBytes(12).toString('hex'),
      sponsoring,
    });
    chronicle.onEntry((entry) => this.#entered(entry));
  }

  /** Reads what is on disk, serves and listens on the host: before the host starts. The policy is in force when this resolves. */
  static async open(parts: GovernanceParts): Promise<Governance> {
    const governance = new Governance(parts, await openParts(parts));
    governance.#enforcement.apply();
    return governance;
  }

  get villageId(): string {
    return this.#parts.village.villageId;
  }

  get constitution(): GovernanceDesk['constitution'] {
    return this.#parts.village.constitution;
  }

  /** After the host has started. */
  start(): void {
    this.#spread.start();
    this.#enforcement.announce();
    this.#voting.drive();
  }

  /** Resolves when nothing of it touches the disk any more. Never rejects. */
  async stop(): Promise<void> {
    this.#notices.stop();
    await this.#spread.stop();
    await this.#calls.stop();
    await this.#voting.stop();
    await this.#enforcement.stop();
    await this.#chronicle.settled();
  }

  leastType(configUpdates: Readonly<Record<string, unknown>>): string {
    return this.#acts.leastType(configUpdates);
  }

  async propose(request: ProposeRequest, by: Actor, options: WaitOptions): Promise<Acted<ProposalView>> {
    return this.#shown(await this.#acts.propose(request, by, options));
  }

  async vote(request: VoteRequest, by: Actor, options: WaitOptions): Promise<Acted<ProposalView>> {
    return this.#shown(await this.#acts.vote(request, by, options));
  }

  async override(request: OverrideRequest, by: Actor, options: WaitOptions) {
    const acted = await this.#acts.override(request, by, options);
    if (acted.kind === 'refused') return acted;
    const proposal = this.proposal(request.proposalId) as ProposalView;
    return { kind: 'done', value: { entryId: acted.value, proposal } } as const;
  }

  async hold(request: HoldRequest, by: Actor, options: WaitOptions): Promise<Acted<ProposalView>> {
    return this.#shown(await this.#alone.hold(request, by, options));
  }

  rules(): RulesView {
    return this.#acting.rules();
  }

  history(): readonly unknown[] {
    return historyOf(this.#chronicle.ledger);
  }

  bring(token: string): Promise<BroughtView> {
    return this.#acting.bring(token);
  }

  held(kind: 'node' | 'token' | 'agent'): ReadonlySet<string> {
    return this.#chronicle.ledger.policy().held[kind];
  }

  async takeBack(request: TakeBackRequest, by: Actor, options: WaitOptions): Promise<Acted<ProposalView>> {
    return this.#shown(await this.#alone.takeBack(request, by, options));
  }

  proposals(filter?: { readonly open?: boolean | undefined }): readonly ProposalView[] {
    return this.#records.proposals(filter);
  }

  proposal(id: string): ProposalView | undefined {
    return this.#records.proposal(id);
  }

  timeline(id: string): readonly TimelineEntry[] {
    return this.#records.timeline(id);
  }

  policies(filter: PolicyFilter): readonly PolicyRow[] {
    return this.#records.policies(filter);
  }

  certificate(id: string): Readonly<Record<string, unknown>> | undefined {
    return this.#records.certificate(id);
  }

  onChange(listener: (what: string) => void): () => void {
    return this.#notices.on(listener);
  }

  /** Makes a tool call a proposal. */
  async proposeCall(request: CallRequest, by: Actor, options: WaitOptions): Promise<Acted<ProposalView>> {
    return this.#shown(await this.#acts.proposeCall(request, by, options));
  }

  /** Approved calls of this node's agents can be made from here on. */
  startCalls(run: RunCall): void {
    this.#calls.start(run);
  }

  get calls(): Pick<VotedCalls, 'isRunning' | 'serveOnce'> {
    return this.#calls;
  }

  /** What the operator should know of the voters whose keys are here. */
  warnings(): string[] {
    return warningsOf(this.#signer, this.#chronicle.ledger);
  }

  /** Where the log of a voter ended whose key has just left: goes with the key. */
  released(voter: string): Promise<SignerState> {
    return this.#signer.released(voter);
  }

  /** A voter's key has come here without word of what it signed. */
  distrust(voter: string): Promise<void> {
    return this.#signer.distrust(voter);
  }

  /** The operator vouches that this disk holds all that the voter signed. False: there was no doubt. */
  async resume(voter: string): Promise<boolean> {
    const doubted = this.#signer.obstacle(voter)?.code === 'RESTORED';
    await this.#signer.trust(voter);
    this.#voting.drive();
    return doubted;
  }

  /** A voter's key has come here, with what its last home said of its log. */
  async adopt(state: SignerState): Promise<void> {
    await this.#signer.adopt(state);
    this.#voting.drive();
  }

  #shown(acted: Acted<string>): Acted<ProposalView> {
    if (acted.kind === 'refused') return acted;
    const view = this.proposal(acted.value);
    if (view === undefined) throw new TypeError('a proposal that was acted on is not known');
    return { kind: 'done', value: view };
  }

  #entered({ statement, effects, own }: Entry): void {
    const { reporter } = this.#parts;
    for (const effect of effects) {
      if (effect.kind === 'outcome') {
        reporter.report('governance.decided', { proposal: effect.proposal, outcome: effect.to });
        this.#notices.add(`certificates/${effect.proposal}`);
      }
      if (effect.kind === 'evidence')
        reporter.report('governance.equivocation', { voter: effect.evidence.voter, about: effect.evidence.about });
    }
    const { kind, voter } = statement.payload;
    if (own) {
      reporter.report('governance.signed', { voter, kind, statement: statement.id });
      void this.#spread.tell({ kind: 'statement', statement: statement.token }); // never rejects
    }
    if (effects.some(({ kind }) => kind !== 'evidence')) this.#enforcement.apply();
    this.#notices.add('proposals');
    this.#voting.drive();
  }

  #takeReceipt(carried: CarriedReceipt): Taken {
    const taken = this.#receipts.take(carried);
    if (taken.kind !== 'news') return taken;
    const kept = taken.kept.catch((error: unknown) => {
      this.#parts.reporter.report('background.failed', { area: GOVERNANCE.name, error });
    });
    return { kind: 'news', kept };
  }

  #pulled(nodeId: string): void {
    this.#signer.askedPeer(nodeId);
    this.#voting.drive();
  }

  #tick(): void {
    this.#chronicle.forgetOld(this.#parts.clock.wallMs());
    this.#retelling.tick();
    this.#voting.drive();
  }
}
