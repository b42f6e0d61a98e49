import type { ClientQuestion } from './client-question.ts';
import { isObject } from './envelope.ts';
import type { RpcError } from './message.ts';

/** What only revision 2025-11-25 answers a call with that must wait for elicitations; no other may. */
const URL_ELICITATION_REQUIRED = -32042;
const MAX_ELICITATIONS = 32;

/** A session-era question as a stateless client reads it: an elicitation by URL has no id there. */
export function statelessQuestion(question: ClientQuestion): ClientQuestion {
  if (!byUrl(question)) return question;
  const { elicitationId: _, ...params } = question.params ?? {};
  return { ...question, params };
}

/** A stateless question as a session-era client wants it: an elicitation by URL has an id. */
export function sessionQuestion(question: ClientQuestion, elicitationId: () => string): ClientQuestion {
  if (!byUrl(question) || question.params?.['elicitationId'] !== undefined) return question;
  return { ...question, params: { ...question.params, elicitationId: elicitationId() } };
}

/**
 * The elicitations that a session-era server demands before the call can be made, by the error that a stateless client must not see;
 * undefined when `error` is another.
 */
export function elicitationsRequired(error: RpcError): readonly ClientQuestion[] | 'malformed' | undefined {
  if (error.code !== URL_ELICITATION_REQUIRED) return undefined;
  const elicitations = isObject(error.data) ? error.data['elicitations'] : undefined;
  if (!Array.isArray(elicitations) || elicitations.length === 0 || elicitations.length > MAX_ELICITATIONS) {
    return 'malformed';
  }
  const questions = elicitations.map((params: unknown): ClientQuestion | undefined => {
    const question = isObject(params) ? { method: 'elicitation/create', params } : undefined;
    return question !== undefined && byUrl(question) ? statelessQuestion(question) : undefined;
  });
  return questions.every((question) => question !== undefined) ? questions : 'malformed';
}

function byUrl({ method, params }: ClientQuestion): boolean {
  return method === 'elicitation/create' && params?.['mode'] === 'url';
}
