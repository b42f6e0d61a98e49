/** One line of the audit log. Every field is always present, in this order: the order is part of the hash. */
export interface AuditEntry {
  readonly seq: number;
  readonly atMs: number;
  /** `call` asked here by an agent, `serve` done here for a peer, and the rest as named. */
  readonly kind: 'call' | 'serve' | 'refusal' | 'admission' | 'governance' | 'fog' | 'administration' | 'gap' | 'start' | 'stop';
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
  readonly outcome: 'ok' | 'tool_error' | 'denied' | 'failed' | 'unknown' | 'recorded';
  /** A closed, short reason: an error name, a denial, or empty. */
  readonly reason: string;
  /** SHA-256(call id bytes ‖ the arguments as forwarded), hex; empty where there are none. */
  readonly argumentsHash: string;
  /** SHA-256(call id bytes ‖ the result's bytes), hex; empty where there is none. */
  readonly resultHash: string;
  readonly durationMs: number;
  readonly justification: string;
  /** How many equal refusals this entry stands for. */
  readonly count: number;
}

export type AuditRecord = Omit<AuditEntry, 'seq' | 'atMs'>;
