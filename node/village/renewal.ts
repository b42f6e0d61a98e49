import { admission, renewCredential } from '../../protocols/admission/index.ts';
import type { Membership, MembershipVerdict } from '../../src/constitution/index.ts';
import type { MeshHost } from '../host/index.ts';
import type { Reporter } from '../telemetry/events.ts';

const CHECK_MS = 10 * 60_000;
/** Renewed when less than this is left: a third of a credential's usual life. */
const RENEW_BELOW_MS = 10 * 24 * 3_600_000;

export interface RenewalOptions {
  readonly host: Pick<MeshHost, 'admitted' | 'openStream'>;
  readonly issuerKey: string;
  readonly reporter: Reporter;
  membership(): Membership | undefined;
  verify(chain: readonly string[]): MembershipVerdict;
  /** Keeps the new chain, durably, and shows it to the peers. */
  renewed(chain: readonly string[]): Promise<void>;
  now(): number;
}

/** Asks members that may invite for our credential anew, before it ends. Answers whether one gave it. */
export async function renewIfDue(options: RenewalOptions, belowMs = RENEW_BELOW_MS): Promise<boolean> {
  const { host, issuerKey, membership, verify, renewed, now } = options;
  const ours = membership();
  if (ours === undefined || ours.expiresAtMs - now() > belowMs) return false;
  for (const { nodeId, membership: theirs } of [...host.admitted().values()]) {
    if (!theirs.may.invite) continue;
    const signal = AbortSignal.timeout(admission.timeoutMs);
    try {
      const stream = await host.openStream(nodeId, admission, { signal });
      const renewal = await renewCredential(stream, { chain: ours.chain, issuerKey }, { verify, signal });
      if (renewal.kind === 'refused') continue;
      const verdict = verify(renewal.chain);
      // A signer with less time left than we have is of no help.
      if (verdict.kind === 'refused' || verdict.membership.expiresAtMs <= ours.expiresAtMs) continue;
      await renewed(renewal.chain);
      return true;
    } catch (error) {
      options.reporter.report('background.failed', { area: 'renewal', error });
    }
  }
  return false;
}

/** Renews for as long as the node runs; answers how to stop. */
export function keepRenewing(options: RenewalOptions): () => void {
  const look = (): void => {
    void renewIfDue(options).catch((error: unknown) => {
      options.reporter.report('background.failed', { area: 'renewal', error });
    });
  };
  const timer = setInterval(look, CHECK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
