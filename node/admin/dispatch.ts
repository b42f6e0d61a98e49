import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import { VillageError } from '../../src/kernel/index.ts';
import type { AdminHandlers, VerbOptions } from './answers.ts';
import { type ErrorBody, sendError, sendJson } from './send.ts';
import { STREAMS, type StreamName, VERBS, type VerbName } from './verbs.ts';

export interface DispatchContext extends VerbOptions {
  readonly response: ServerResponse;
  readonly handlers: AdminHandlers;
  readonly onError: (error: unknown) => void;
}

export const isVerb = (name: string): name is VerbName => Object.hasOwn(VERBS, name);
export const isStream = (name: string): name is StreamName => Object.hasOwn(STREAMS, name);

export async function answerVerb(name: VerbName, value: unknown, context: DispatchContext): Promise<void> {
  const input = checked(VERBS[name], value, context.response);
  if (input === undefined) return;
  // The schema under this name checked the input; the compiler cannot follow a name through both records.
  const handler = context.handlers[name] as (input: unknown, options: VerbOptions) => Promise<object>;
  try {
    sendJson(context.response, 200, await handler(input, { signal: context.signal }));
  } catch (error) {
    const { status, body } = told(error, context);
    sendError(context.response, status, body);
  }
}

/** One object a line. An error on the way is the last line: `{"error": …}`. */
export async function answerStream(name: StreamName, value: unknown, context: DispatchContext): Promise<void> {
  const { response, signal } = context;
  const input = checked(STREAMS[name], value, response);
  if (input === undefined) return;
  const handler = context.handlers[name] as (input: unknown, options: VerbOptions) => AsyncIterable<object>;
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.flushHeaders();
  try {
    for await (const item of handler(input, { signal })) {
      if (signal.aborted) break;
      if (!response.write(`${JSON.stringify(item)}\n`)) await once(response, 'drain', { signal });
    }
  } catch (error) {
    if (!signal.aborted) response.write(`${JSON.stringify({ error: told(error, context).body })}\n`);
  }
  response.end();
}

function checked(schema: z.ZodType, value: unknown, response: ServerResponse): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  sendError(response, 400, { code: 'INVALID_INPUT', message: z.prettifyError(parsed.error) });
  return undefined;
}

/** An error of an area is told with its code; anything else is ours to look at, and only that it happened is told. */
function told(error: unknown, context: DispatchContext): { status: number; body: ErrorBody } {
  if (error instanceof VillageError)
    return { status: 422, body: { code: error.code, message: error.message, hint: error.hint } };
  if (!context.signal.aborted) context.onError(error);
  return { status: 500, body: { code: 'INTERNAL', message: 'the node failed; its log says why' } };
}
