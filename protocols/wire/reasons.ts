/** Everything that a peer may be told when it is refused. Closed: causes stay in our own log. */
export const REASONS = {
  hello: ['malformed', 'other-village', 'not-a-member', 'expired', 'evicted', 'held', 'busy'],
  admission: ['malformed', 'foreign', 'expired', 'used-up', 'not-inviter', 'not-a-member', 'evicted', 'held', 'busy'],
} as const;

export type HelloReason = (typeof REASONS.hello)[number];
export type AdmissionReason = (typeof REASONS.admission)[number];
