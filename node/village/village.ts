import { admission, serveAdmission } from '../../protocols/admission/index.ts';
import {
  AIVILLAGE_AGENTS,
  aivillageConstitution,
  type Constitution,
  type Membership,
  type MembershipVerdict,
  Policy,
  verifyMembership,
  villageIdOf,
} from '../../src/constitution/index.ts';
import type { Libp2pHost, MembershipDesk } from '../host/index.ts';
import { AgentKeystore, type NodeKeys } from '../identity/index.ts';
import type { Database } from '../storage/index.ts';
import type { Reporter } from '../telemetry/events.ts';
import { type CreatedInvite, Inviter, type InviteRequest } from './inviter.ts';
import { readInvite, redeemInvite } from './join.ts';
import { keepRenewing, renewIfDue } from './renewal.ts';
import { TicketBook } from './ticket-book.ts';
import { VillageStateError } from './village-error.ts';
import { readVillage, replaceVillage, type VillageRecord, writeRenewedChain, writeVillage } from './village-files.ts';

export interface VillageOptions {
  readonly dataDir: string;
  readonly keys: NodeKeys;
  readonly database: Database;
  readonly reporter: Reporter;
  /** Milliseconds since 1970. */
  readonly now?: (() => number) | undefined;
}

export interface JoinOptions {
  readonly signal: AbortSignal;
  /** Put away the village that the folder has. */
  readonly leave?: boolean | undefined;
}

/** The village this node belongs to: its constitution, the policy in force, our membership and the invites we make. */
export class Village implements MembershipDesk {
  readonly villageId: string;
  readonly constitution: Constitution;
  readonly #options: VillageOptions;
  readonly #inviter: Inviter;
  readonly #tickets: TicketBook;
  readonly #listeners = new Set<(policy: Policy) => void>();
  #record: VillageRecord;
  #policy: Policy;
  #host: Libp2pHost | undefined;
  #stopRenewing: (() => void) | undefined;

  private constructor(record: VillageRecord, options: VillageOptions) {
    this.#record = record;
    this.#options = options;
    this.constitution = record.constitution;
    this.villageId = villageIdOf(record.constitution);
    this.#policy = new Policy(record.constitution);
    this.#tickets = new TicketBook(options.database.namespace(`tickets-${this.villageId.slice(0, 16)}`));
    this.#inviter = new Inviter({
      keys: options.keys,
      constitution: record.constitution,
      villageId: this.villageId,
      tickets: this.#tickets,
      reporter: options.reporter,
      policy: () => this.#policy,
      membership: () => this.membership(),
      now: () => this.#now(),
    });
  }

  /** The village of the data folder; undefined: it has none yet. Errors: VILLAGE_DAMAGED. */
  static open(options: VillageOptions): Village | undefined {
    const record = readVillage(options.dataDir);
    return record === undefined ? undefined : new Village(record, options);
  }

  /** Makes a village of one, with the keys of all its agents, in a folder that has none. Errors: ALREADY_IN_VILLAGE. */
  static found(options: VillageOptions, { name }: { readonly name: string }): Village {
    if (readVillage(options.dataDir) !== undefined) throw alreadyThere(options.dataDir);
    const { keys, now = Date.now } = options;
    const constitution = aivillageConstitution({
      name,
      createdAtMs: now(),
      founder: { nodeId: keys.nodeId, issuerKey: keys.issuerX },
      agentKeys: new AgentKeystore(options.dataDir).create(Object.keys(AIVILLAGE_AGENTS)),
    });
    const record: VillageRecord = { constitution, chain: [], inviterAddresses: [] };
    writeVillage(options.dataDir, record);
    return new Village(record, options);
  }

  /**
   * Redeems an invite and makes its village the folder's; in that village already: changes nothing.
   * Errors: INVITE_MALFORMED, INVITE_INVALID, INVITE_REFUSED, INVITER_UNREACHABLE, ALREADY_IN_VILLAGE (unless `leave`).
   */
  static async join(options: VillageOptions, invite: string, { signal, leave }: JoinOptions): Promise<Village> {
    const { dataDir, keys, now = Date.now } = options;
    const current = Village.open(options);
    const read = readInvite(invite, now());
    if (current?.villageId === read.village && current.membership() !== undefined) return current;
    if (current !== undefined && current.villageId !== read.village && leave !== true) throw alreadyThere(dataDir);
    const record = await redeemInvite(read, keys, { signal, nowMs: now() });
    if (current === undefined) writeVillage(dataDir, record);
    else if (current.villageId === read.village) writeRenewedChain(dataDir, record);
    else replaceVillage(dataDir, record, new Date(now()).toISOString().slice(0, 10));
    return new Village(record, options);
  }

  policy(): Policy {
    return this.#policy;
  }

  /** What is in force from now on. Peers that it no longer lets in are disconnected. */
  setPolicy(policy: Policy): void {
    this.#policy = policy;
    this.#host?.reverify();
    for (const listener of [...this.#listeners]) listener(policy);
  }

  onPolicy(listener: (policy: Policy) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Our own, verified now; undefined: it ended, or we were evicted. */
  membership(): Membership | undefined {
    const verdict = this.standing();
    return verdict.kind === 'member' ? verdict.membership : undefined;
  }

  /** As `membership`, with the reason where there is none. */
  standing(): MembershipVerdict {
    return this.verify(this.#record.chain, this.#options.keys.nodeId);
  }

  chain(): readonly string[] {
    return this.#record.chain;
  }

  verify(chain: readonly string[], nodeId: string): MembershipVerdict {
    const { constitution, villageId } = this;
    return verifyMembership(chain, { constitution, villageId, policy: this.#policy, nowMs: this.#now(), nodeId });
  }

  /** Where the member that invited us was: to dial besides the peers that are known. */
  inviterAddresses(): readonly string[] {
    return this.#record.inviterAddresses;
  }

  /** Errors: MAY_NOT_INVITE. */
  createInvite(request: InviteRequest): CreatedInvite {
    return this.#inviter.createInvite(request);
  }

  /** Serves admissions on `host` and keeps our own membership alive. Before the host starts. */
  attach(host: Libp2pHost): void {
    const { reporter } = this.#options;
    this.#host = host;
    host.handle(admission, async (stream, { nodeId, connection }) => {
      host.admissionStarts(connection);
      const signal = AbortSignal.timeout(admission.timeoutMs);
      await serveAdmission(stream, this.#inviter, { nodeId, signal });
    });
    this.#stopRenewing = keepRenewing(this.#renewal(host));
    void this.#tickets.sweep(this.#now()).catch((error: unknown) => {
      reporter.report('background.failed', { area: 'tickets', error });
    });
  }

  /** Asks for our credential anew when less than `belowMs` of it is left. Answers whether it was renewed. */
  async renew(belowMs?: number): Promise<boolean> {
    return this.#host === undefined ? false : renewIfDue(this.#renewal(this.#host), belowMs);
  }

  stop(): void {
    this.#stopRenewing?.();
    this.#host = undefined;
  }

  #renewal(host: Libp2pHost): Parameters<typeof renewIfDue>[0] {
    const { keys, reporter, dataDir } = this.#options;
    return {
      host,
      issuerKey: keys.issuerX,
      reporter,
      membership: () => this.membership(),
      verify: (chain) => this.verify(chain, keys.nodeId),
      now: () => this.#now(),
      renewed: async (chain) => {
        this.#record = { ...this.#record, chain };
        writeRenewedChain(dataDir, this.#record);
        await host.regreet();
      },
    };
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }
}

function alreadyThere(dataDir: string): VillageStateError {
  return new VillageStateError('ALREADY_IN_VILLAGE', `the data folder ${dataDir} belongs to a village already`, {
    hint: 'use another folder with --data, or --leave to put the old village away',
  });
}
