import { capabilitiesOf, type ClientAbilities, type ClientAbility } from './client-abilities.ts';
import { isObject } from './envelope.ts';
import { ERRORS } from './error-table.ts';
import type { RpcError } from './message.ts';

/** What a server asks of an agent's client in the midst of a call: `sampling/createMessage`, `elicitation/create`, `roots/list`. */
export interface ClientQuestion {
  readonly method: string;
  readonly params?: Readonly<Record<string, unknown>> | undefined;
}
export type ClientAnswer = { readonly result: Readonly<Record<string, unknown>> } | { readonly error: RpcError };

/** `{method, params?}` and nothing else; undefined when `value` is no question. */
export function readQuestion(value: unknown): ClientQuestion | undefined {
  if (!isObject(value)) return undefined;
  const { method, params, ...rest } = value;
  if (typeof method !== 'string' || method === '' || Object.keys(rest).length > 0) return undefined;
  if (params !== undefined && !isObject(params)) return undefined;
  return params === undefined ? { method } : { method, params };
}

/** `{result}` or `{error}` and nothing else; undefined when `value` is no answer. */
export function readAnswer(value: unknown): ClientAnswer | undefined {
  if (!isObject(value) || Object.keys(value).length !== 1) return undefined;
  const { result, error } = value;
  if (isObject(result)) return { result };
  return isRpcError(error) ? { error } : undefined;
}

export function isRpcError(value: unknown): value is RpcError {
  return isObject(value) && Number.isInteger(value['code']) && typeof value['message'] === 'string';
}

/** What a client must be able to do to answer; undefined: no client is ever asked this. */
function abilitiesNeeded({ method, params = {} }: ClientQuestion): readonly ClientAbility[] | undefined {
  switch (method) {
    case 'sampling/createMessage': {
      const withTools = params['tools'] !== undefined || params['toolChoice'] !== undefined;
      return withTools ? ['sampling', 'samplingTools'] : ['sampling'];
    }
    case 'elicitation/create': {
      const { mode = 'form' } = params;
      if (mode === 'url') return ['elicitationUrl'];
      return mode === 'form' ? ['elicitationForm'] : undefined;
    }
    case 'roots/list':
      return ['roots'];
    default:
      return undefined;
  }
}

/**
 * Why a client with `abilities` is not asked `question`; undefined: it may be. Session-era clients know no code for a lacking
 * capability: a feature they have not is an unknown method, a mode of it an invalid parameter. Source: MCP 2025-11-25, client/*.
 */
export function unaskable(question: ClientQuestion, abilities: ClientAbilities): RpcError | undefined {
  const needed = abilitiesNeeded(question);
  if (needed === undefined) {
    const known = question.method === 'elicitation/create';
    const message = known ? 'unknown mode of elicitation' : 'Method not found';
    return { code: known ? ERRORS.INVALID_PARAMS.code : ERRORS.METHOD_NOT_FOUND.code, message };
  }
  const missing = needed.filter((ability) => !abilities.has(ability));
  if (missing.length === 0) return undefined;
  const partly = needed.length > missing.length || (missing[0]?.startsWith('elicitation') && hasElicitation(abilities));
  const message = `this agent’s client cannot be asked that: it declares no ${missing.join(', ')}`;
  return { code: partly ? ERRORS.INVALID_PARAMS.code : ERRORS.METHOD_NOT_FOUND.code, message };
}

/** The error of the stateless era for a call that cannot go on without what its client lacks. Source: MCP 2026-07-28. */
export function missingCapability(question: ClientQuestion, abilities: ClientAbilities): RpcError | undefined {
  const why = unaskable(question, abilities);
  const missing = abilitiesNeeded(question)?.filter((ability) => !abilities.has(ability));
  if (why === undefined || missing === undefined) return why;
  const requiredCapabilities = capabilitiesOf(new Set(missing));
  return { code: ERRORS.MISSING_CAPABILITY.code, message: why.message, data: { requiredCapabilities } };
}

function hasElicitation(abilities: ClientAbilities): boolean {
  return abilities.has('elicitationForm') || abilities.has('elicitationUrl');
}
