export const AUDIT_KINDS = [
  'call',
  'serve',
  'refusal',
  'admission',
  'governance',
  'fog',
  'administration',
  'gap',
  'start',
  'stop',
] as const;
export type AuditKind = (typeof AUDIT_KINDS)[number];

export const AUDIT_OUTCOMES = ['ok', 'tool_error', 'denied', 'failed', 'unknown', 'recorded'] as const;
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

/** One line of the audit log. Every field is always present, in this order: the order is part of the hash. */
export interface AuditEntry {
  /** 1 for the first entry of a node, then one more each; no number is left out. */
  readonly seq: number;
  readonly atMs: number;
  /** `call` asked here by an agent, `serve` done here for a peer, and the rest as named. */
  readonly kind: AuditKind;
  /** The call's id, 32 hex digits, the same at both ends of a hop. Empty where there is no call. */
  readonly callId: string;
  readonly agentId: string;
  readonly level: string;
  readonly tokenId: string;
  /** JSON-RPC method, or the verb of an administrative act. */
  readonly method: string;
  readonly server: string;
  /** Tool or prompt name, or resource URI. */
  readonly target: string;
  /** The node that did the work (`call`) or asked for it (`serve`). */
  readonly peer: string;
  readonly sourceIp: string;
  readonly outcome: AuditOutcome;
  /** A closed, short reason: an error name, a denial, or empty. */
  readonly reason: string;
  /** SHA-256(call id bytes ‖ the arguments as forwarded), hex; empty where there are none. */
  readonly argumentsHash: string;
  /** SHA-256(call id bytes ‖ the result's bytes), hex; empty where there is none. */
  readonly resultHash: string;
  /** Milliseconds, to the microsecond. Of a `gap`: how long the window is that may lack entries. */
  readonly durationMs: number;
  readonly justification: string;
  /** How many equal refusals, or acts of a peer, this entry stands for; of a `gap`: how many entries are known to be lost. Otherwise 1. */
  readonly count: number;
  /** Of a `call` that another node served: that node's entry, as receiptOf() spells it. */
  readonly receipt?: string | undefined;
  /** What was asked and answered, secrets taken out, where the policy wants it kept: JSON text, bounded. */
  readonly content?: string | undefined;
}

export type AuditRecord = Omit<AuditEntry, 'seq' | 'atMs'>;

/** A record that says nothing yet: spread it and add what is known. */
export const EMPTY_RECORD: AuditRecord = {
  kind: 'administration',
  callId: '',
  agentId: '',
  level: '',
  tokenId: '',
  method: '',
  server: '',
  target: '',
  peer: '',
  sourceIp: '',
  outcome: 'recorded',
  reason: '',
  argumentsHash: '',
  resultHash: '',
  durationMs: 0,
  justification: '',
  count: 1,
};
