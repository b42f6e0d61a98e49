import {
  announcementOf,
  answerGovernance,
  type CarriedReceipt,
  GOVERNANCE,
  type GovernanceShelf,
  type Heard,
  heldOf,
  readAnnouncement,
  type SponsorReply,
} from '../../protocols/governance/index.ts';
import { Spread, type Taken } from '../spread/index.ts';
import type { SpreadParts } from './ports.ts';
import { pullFrom } from './pull.ts';

const PULL_INTERVAL_MS = 10_000;
const HURRY_MS = 500;
const HEARD = { perMinute: 6_000, burst: 1_000 };
const MAX_TOLD_ON = 64;

/** Where what was heard goes. */
export interface Intake extends Omit<GovernanceShelf, 'sponsor'> {
  /** Signs for a call that `from` asks for, if a voter here will. Never rejects. */
  sponsor(request: string, from: string): Promise<SponsorReply>;
  takeStatement(token: string, from: string): Taken;
  takeReceipt(carried: CarriedReceipt): Taken;
  /** A peer gave us everything it has. */
  pulled(nodeId: string): void;
  /** Time has passed. */
  tick(): void;
}

/** Carries statements and receipts through the village. Serves and listens on the host: before the host starts. */
export function governanceSpread(parts: SpreadParts, intake: Intake): Spread<Heard> {
  const { host, pullIntervalMs = PULL_INTERVAL_MS } = parts;
  host.handle(GOVERNANCE, (stream, { nodeId }) => {
    const shelf = { ...intake, sponsor: (request: string) => intake.sponsor(request, nodeId) };
    return answerGovernance(stream, shelf, { signal: AbortSignal.timeout(GOVERNANCE.timeoutMs) });
  });
  return new Spread(parts, {
    name: GOVERNANCE.name,
    pullIntervalMs,
    hurryMs: HURRY_MS,
    heard: HEARD,
    maxToldOn: MAX_TOLD_ON,
    // Spec governance/R9: every admitted node is asked again and again; what two hold is compared, so that it costs little.
    restsIdle: false,
    read: readAnnouncement,
    announcementOf,
    take: (heard, from) =>
      heard.kind === 'receipt'
        ? intake.takeReceipt({ receipt: heard.receipt, chain: heard.chain })
        : intake.takeStatement(heard.statement, from),
    pull: (nodeId, { signal, take }) =>
      pullFrom(nodeId, {
        host,
        signal,
        held: Object.fromEntries([...intake.logs()].map(([log, statements]) => [log, heldOf(statements)])),
        receiptsDigest: intake.receiptsDigest(),
        takeStatements: (statements) => take(statements.map((statement) => ({ kind: 'statement', statement }))),
        takeReceipts: (receipts) => take(receipts.map((carried) => ({ kind: 'receipt', ...carried }))),
      }),
    pulled: (nodeId) => intake.pulled(nodeId),
    tick: () => intake.tick(),
  });
}
