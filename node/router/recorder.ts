import { type AuditRecord, EMPTY_RECORD, type Receipt, receiptOf } from '../../src/audit/index.ts';
import { saltedSha256Hex, toHex } from '../../src/kernel/index.ts';
import type { Awaitable, BackendReply } from '../backends/backend.ts';
import { AuditedContent } from './audited-content.ts';
import type { CallTracing } from './call-tracing.ts';
import { failure } from '../backends/reply.ts';
import { type Job, justificationOf } from './job.ts';
import type { RouterParts } from './parts.ts';

/** A refusal that never became a call. */
export interface EarlyRefusal {
  readonly stage: string;
  readonly reason: string;
  readonly sourceIp: string;
  readonly agentId?: string | undefined;
  readonly method?: string | undefined;
}

/** Puts every outcome on record: allowed, denied, failed, at both ends of a hop. */
export class Recorder {
  readonly #parts: Pick<RouterParts, 'audit' | 'reporter' | 'clock'>;
  readonly #content: AuditedContent;
  readonly #tracing: CallTracing | undefined;

  constructor(parts: Pick<RouterParts, 'audit' | 'reporter' | 'clock' | 'policy'>, tracing?: CallTracing) {
    this.#parts = parts;
    this.#tracing = tracing;
    this.#content = new AuditedContent(parts.policy);
  }

  /** Writes the call down, then hands its reply back: after the entry is on disk where the matrix asks for it. */
  ended(job: Job, reply: BackendReply): Awaitable<BackendReply> {
    const { audit, clock, reporter } = this.#parts;
    const durationMs = clock.now() - job.began;
    const { side, server, target } = job;
    const { outcome, reason } = reply;
    const { method } = job.request;
    const { traceparent } = job.context;
    const span = job.span === undefined ? undefined : this.#tracing?.ended(job.span, job, reply);
    const call = { kind: side, method, server, target, outcome, reason, durationMs, traceparent, span };
    reporter.report('call.done', call);
    const record = recordOf(job, reply, { durationMs, content: job.refused?.evidence ?? this.#content.of(job, reply) });
    if (job.permission?.auditRequired === true) return this.#durably(job, record, reply);
    // The node that asked is told where the call is on record here.
    const receipt = audit.record(record, side === 'serve' ? RECEIPT : undefined);
    return withReceipt(reply, receipt);
  }

  /** What to wait for before more is done: the log has no room for what would have to be said of it. */
  room(): Promise<void> | undefined {
    return this.#parts.audit.room()?.catch(() => undefined); // a failing log says so itself, when asked whether it is ready
  }

  /** Why the call must not begin: what it does could not be put on record. */
  unready({ request, permission }: Job): BackendReply | undefined {
    const { audit } = this.#parts;
    if (audit.failure === undefined || permission?.auditRequired !== true) return undefined;
    const message =
      'the audit log of this node cannot be written, so it does nothing that must be on record; look at its disk';
    return failure(request.id, { name: 'NO_HEALTHY_SERVER', message }, { notStarted: true });
  }

  refused({ stage, reason, sourceIp, agentId = '', method = '' }: EarlyRefusal): void {
    this.#parts.reporter.report('call.refused', { stage, reason });
    this.#parts.audit.record({ ...REFUSAL, agentId, method, target: stage, sourceIp, reason });
  }

  async #durably(job: Job, record: AuditRecord, reply: BackendReply): Promise<BackendReply> {
    const { audit, reporter } = this.#parts;
    try {
      const receipt = await audit.recordDurably(record);
      return job.side === 'serve' ? withReceipt(reply, receipt) : reply;
    } catch (error) {
      reporter.report('background.failed', { area: 'audit', error });
      const message = 'it may have run, but it could not be written to the audit log; look at the disk of this node';
      return failure(job.request.id, { name: 'OUTCOME_UNKNOWN', message }, { outcome: 'unknown' });
    }
  }
}

const RECEIPT = { receipt: true };

function withReceipt(reply: BackendReply, receipt: Receipt | undefined): BackendReply {
  if (receipt === undefined) return reply;
  const { body, outcome, reason, notStarted } = reply;
  return { body, outcome, reason, notStarted, receipt };
}

const REFUSAL: AuditRecord = { ...EMPTY_RECORD, kind: 'refusal', outcome: 'denied' };

function recordOf(
  job: Job,
  reply: BackendReply,
  { durationMs, content }: { readonly durationMs: number; readonly content: string | undefined },
): AuditRecord {
  const { callId, principal } = job.context;
  return {
    kind: job.side,
    callId: toHex(callId),
    agentId: principal.agentId,
    level: principal.level,
    tokenId: principal.tokenId,
    method: job.request.method,
    server: job.server,
    target: job.target,
    peer: job.peer,
    sourceIp: job.sourceIp,
    outcome: reply.outcome,
    reason: reply.reason,
    argumentsHash: job.argumentsHash,
    // Salted by the call's id: two equal results never show as equal in the log.
    resultHash: saltedSha256Hex(callId, reply.body),
    durationMs: Math.round(durationMs * 1000) / 1000,
    justification: justificationOf(job),
    count: 1,
    receipt: job.side === 'call' && reply.receipt !== undefined ? receiptOf(reply.receipt) : undefined,
    content,
  };
}
