import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  ERRORS,
  isObject,
  missingCapability,
  NO_ABILITIES,
  readQuestion,
  sessionQuestion,
  type RpcError,
} from '../../src/mcp/index.ts';
import type { BackendContext } from './backend.ts';
import { type Ending, isPast } from './exchange.ts';

const MAX_ROUNDS = 8;
const MAX_QUESTIONS = 32;
const PACE_MS = 200;

type Params = Readonly<Record<string, unknown>>;

/**
 * Does a call of an agent with a session on a server without: as often as the server answers that it needs input, the agent's
 * client is asked and the call is made again with what it said. `send` makes the call once, with these fields added to its params.
 */
export async function inRounds(
  send: (added: Params | undefined) => Promise<Ending>,
  context: BackendContext,
): Promise<Ending> {
  let ending = await send(undefined);
  for (let round = 1; needsInput(ending); round++) {
    if (round > MAX_ROUNDS) return refused(`the server still asks for input after ${MAX_ROUNDS} rounds`);
    const added = await gather(ending.result, context, round);
    if (context.signal.aborted) return { kind: isPast(context.deadlineAt) ? 'deadline' : 'cancelled', written: true };
    if ('error' in added) return { kind: 'error', error: added.error };
    ending = begun(await send(added.params));
  }
  return ending;
}

function needsInput(ending: Ending): ending is Extract<Ending, { kind: 'result' }> {
  return ending.kind === 'result' && ending.result['resultType'] === 'input_required';
}

/** What the next round adds, or why there is none. Never rejects. */
async function gather(
  result: Params,
  context: BackendContext,
  round: number,
): Promise<{ readonly params: Params } | { readonly error: RpcError }> {
  const { inputRequests, requestState } = result;
  const questions =
    inputRequests === undefined ? [] : isObject(inputRequests) ? Object.entries(inputRequests) : undefined;
  const stateful = typeof requestState === 'string';
  if (
    questions === undefined ||
    questions.length > MAX_QUESTIONS ||
    !(stateful || (requestState === undefined && questions.length > 0))
  ) {
    return malformed();
  }
  const inputResponses: Record<string, Params> = {};
  for (const [key, asked] of questions) {
    const question = readQuestion(asked);
    if (question === undefined) return malformed();
    const error = missingCapability(
      question,
      context.ask === undefined ? NO_ABILITIES : (context.client ?? NO_ABILITIES),
    );
    if (error !== undefined || context.ask === undefined) return { error: error ?? malformed().error };
    const answer = await context.ask(sessionQuestion(question, randomUUID), { signal: context.signal });
    if ('error' in answer) return answer;
    Object.defineProperty(inputResponses, key, { value: answer.result, enumerable: true });
  }
  // With nothing to answer the server only wants to be asked again, and not at once.
  if (questions.length === 0)
    await delay(PACE_MS * round, undefined, { signal: context.signal }).catch(() => undefined);
  return { params: { ...(questions.length === 0 ? {} : { inputResponses }), ...(stateful ? { requestState } : {}) } };
}

/** An earlier round has run: whatever ends this one, the call is not one that never began. */
function begun(ending: Ending): Ending {
  switch (ending.kind) {
    case 'deadline':
    case 'cancelled':
      return { ...ending, written: true };
    case 'refused':
      return { kind: 'failed', failure: { kind: 'unknown', problem: 'it took no further message' } };
    case 'failed':
      return ending.failure.kind === 'not-started'
        ? { kind: 'failed', failure: { ...ending.failure, kind: 'unknown' } }
        : ending;
    default:
      return ending;
  }
}

function refused(message: string): Ending {
  return { kind: 'error', error: { code: ERRORS.INTERNAL_ERROR.code, message } };
}

function malformed(): { readonly error: RpcError } {
  return { error: { code: ERRORS.INTERNAL_ERROR.code, message: 'the server asked for input in a malformed way' } };
}
