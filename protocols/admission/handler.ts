import type { Stream } from '@libp2p/interface';
import { type Deadline, jsonStream } from '../wire/index.ts';
import { type Answer, Ask, admission, MAX_ASK_BYTES, type Redeem, type Renew } from './schema.ts';

/** What a member must know to admit others. Nothing here touches the network. */
export interface AdmissionDesk {
  /** `nodeId` is proven by the connection. Whatever is granted is on disk before this resolves. */
  redeem(ask: Redeem, nodeId: string): Promise<Answer>;
  renew(ask: Renew, nodeId: string): Promise<Answer>;
}

/** The inviter's half: one question, one answer. Errors: WireError, and what the desk throws. */
export async function serveAdmission(
  stream: Stream,
  desk: AdmissionDesk,
  { nodeId, signal }: { readonly nodeId: string } & Deadline,
): Promise<Answer> {
  // Spec admission/R7: strangers are read under their own, smaller limit.
  const wire = jsonStream(stream, { maxMessageBytes: MAX_ASK_BYTES, maxWrittenBytes: admission.maxMessageBytes });
  const ask = await wire.read(Ask, { signal });
  const answer = await (ask.kind === 'redeem' ? desk.redeem(ask, nodeId) : desk.renew(ask, nodeId));
  await wire.write(answer, { signal });
  await wire.close({ signal });
  return answer;
}
