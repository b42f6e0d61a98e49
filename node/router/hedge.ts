import type { Deadlines } from '../../protocols/mcp/index.ts';
import type { Replica } from '../../src/routing/index.ts';
import type { BackendContext, BackendReply } from '../backends/backend.ts';
import { type Attempt, attemptOf } from './attempt.ts';

/** How one replica is asked; undefined: there is no other to ask. */
type Ask = (tried: readonly Replica[], context: BackendContext) => Asked | undefined;

interface Asked {
  readonly replica: Replica;
  readonly reply: Promise<BackendReply>;
}

interface Landed {
  readonly reply: BackendReply;
  readonly tried: readonly Replica[];
  readonly replica: Replica;
}

/**
 * Asks a second replica when the first takes longer than `afterMs`, and takes the answer that comes first; the other is given up. Only
 * for calls that may run twice. undefined: there was nobody to ask.
 */
export async function hedged(
  ask: Ask,
  context: BackendContext,
  options: { readonly afterMs: number; readonly nowMs: number; readonly deadlines: Deadlines },
): Promise<Landed | undefined> {
  const { afterMs, nowMs, deadlines } = options;
  const attempts: Attempt[] = [attemptOf(context, { alone: true })];
  const first = ask([], (attempts[0] as Attempt).context);
  if (first === undefined) return undefined;
  const late = Promise.withResolvers<undefined>();
  const timer = deadlines.add(nowMs + afterMs, { onDeadline: () => late.resolve(undefined) });
  try {
    const early = await Promise.race([first.reply, late.promise]);
    if (early !== undefined) return { reply: early, tried: [first.replica], replica: first.replica };
    attempts.push(attemptOf(context, { alone: false }));
    const second = ask([first.replica], (attempts[1] as Attempt).context);
    if (second === undefined) return { reply: await first.reply, tried: [first.replica], replica: first.replica };
    return await race(first, second, attempts);
  } finally {
    timer.cancel();
    for (const attempt of attempts) attempt.end();
  }
}

async function race(first: Asked, second: Asked, attempts: readonly Attempt[]): Promise<Landed> {
  const tried = [first.replica, second.replica];
  const one = first.reply.then((reply) => ({ reply, tried, replica: first.replica }));
  const other = second.reply.then((reply) => ({ reply, tried, replica: second.replica }));
  const winner = await Promise.race([one, other]);
  const loser = winner.replica === first.replica ? other : one;
  if (!isAnswer(winner.reply)) return loser;
  attempts[winner.replica === first.replica ? 1 : 0]?.abandon();
  // Nobody waits for it: it is given up, and a backend never rejects.
  void loser;
  return winner;
}

/** Whether the server itself has spoken. */
function isAnswer({ outcome, notStarted }: BackendReply): boolean {
  return notStarted !== true && (outcome === 'ok' || outcome === 'tool_error');
}
