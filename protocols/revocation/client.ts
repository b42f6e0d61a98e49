import type { Stream } from '@libp2p/interface';
import { type Deadline, jsonStream, WireError } from '../wire/index.ts';
import { type Ask, type Carried, Page, REVOCATION } from './schema.ts';
import { claimedSigner } from './judge.ts';

export interface AskedPage {
  /** Not verified. */
  readonly carried: readonly Carried[];
  /** Ask after this for more; undefined: that was all. */
  readonly next: string | undefined;
}

/** Asks the peer at the other end of `stream` for one page of what it honours. Errors: WireError. */
export async function askRevocations(stream: Stream, ask: Omit<Ask, 'v'>, deadline: Deadline): Promise<AskedPage> {
  const wire = jsonStream(stream, { maxMessageBytes: REVOCATION.maxMessageBytes });
  await wire.write({ v: 1, ...ask }, deadline);
  const { statements, chains, next } = await wire.read(Page, deadline);
  await wire.close(deadline);
  // Spec revocation/R4: a page that leads nowhere, or back, would keep us asking for ever.
  if (next !== undefined && (statements.length === 0 || next <= (ask.after ?? ''))) {
    throw new WireError('WIRE_MALFORMED', 'a page that does not lead on');
  }
  return { carried: statements.map((statement) => ({ statement, chain: chainOf(statement, chains) })), next };
}

function chainOf(statement: string, chains: Page['chains']): readonly string[] | undefined {
  const signer = claimedSigner(statement);
  return signer !== undefined && Object.hasOwn(chains, signer) ? chains[signer] : undefined;
}
