import type { Job } from './job.ts';
import type { BackendReply } from '../backends/backend.ts';

/** Where calls go that the matrix lets run only when voters approve them. */
export interface VotePort {
  /** Makes the call a proposal; the reply names it. Never rejects. */
  ask(job: Job): Promise<BackendReply>;
  /** Whether voters have approved this very call, and it has not run here. */
  isApproved(job: Job): boolean;
  /** Takes the one time that an approved call may run here; durable on return. False: it was taken meanwhile. */
  begin(job: Job): Promise<boolean>;
}

/** `ask`: it becomes a proposal. `denied`: a peer asks for what nobody approved. */
export type Standing = 'free' | 'approved' | 'ask' | 'denied';

export function standingOf(job: Job, votes: Pick<VotePort, 'isApproved'> | undefined): Standing {
  if (job.permission?.requiresApproval === undefined || job.request.method !== 'tools/call') return 'free';
  if (votes?.isApproved(job) === true) return 'approved';
  return job.side === 'call' && votes !== undefined ? 'ask' : 'denied';
}
