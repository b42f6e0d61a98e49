import type { Deadlines } from '../../protocols/mcp/index.ts';
import type { Awaitable } from '../backends/backend.ts';
import { failure } from '../backends/reply.ts';
import type { RouterCall, RouterReply } from '../gateway/router-port.ts';
import { CallContext, newCallId } from './call-context.ts';
import { tooOften } from './gate.ts';
import type { RouterParts } from './parts.ts';
import type { Forwarded } from './replicas.ts';
import type { Target } from './resolve.ts';
import type { Tasks } from './tasks.ts';

export const TASK_LIST = 'tasks/list';

/** How long a list waits for the state of each task. */
const TASK_STATE_MS = 5_000;

interface Made {
  readonly tasks: Tasks;
  readonly deadlines: Deadlines;
  /** Asks the server of one task for its state, and learns from the answer. */
  readonly forward: (target: Target, context: CallContext) => Awaitable<Forwarded>;
}

/** Answers `tasks/list`: what this agent began, as its servers describe it now. Never another agent's. */
export class TaskList {
  readonly #parts: Pick<RouterParts, 'catalogue' | 'clock' | 'limits' | 'rates'>;
  readonly #made: Made;

  constructor(parts: Pick<RouterParts, 'catalogue' | 'clock' | 'limits' | 'rates'>, made: Made) {
    this.#parts = parts;
    this.#made = made;
  }

  async answer(call: RouterCall, { signal, traceparent }: CallContext): Promise<RouterReply> {
    const { request, principal, view, era } = call;
    const { clock, rates, limits, catalogue } = this.#parts;
    const { tasks, deadlines, forward } = this.#made;
    const { perAgentPerMinute } = limits();
    const refused = tooOften(principal, rates, { perAgentPerMinute, nowMs: clock.now() });
    if (refused !== undefined) {
      const { message, retryAfterMs } = refused;
      const { body } = failure(request.id, { name: 'RATE_LIMITED', message }, { retryAfterMs });
      return { body, errorName: 'RATE_LIMITED', retryAfterMs };
    }
    const get = async (target: Target): Promise<void> => {
      const deadlineAt = clock.now() + TASK_STATE_MS;
      const own = new CallContext({ principal, era, signal, traceparent }, newCallId(), { deadlineAt, deadlines });
      try {
        await forward(target, own);
      } finally {
        own.end();
      }
    };
    return { body: await tasks.list(request, { principal, view }, { catalogue: catalogue(), get }) };
  }
}
