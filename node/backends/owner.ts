import { isObject } from '../../src/mcp/index.ts';
import type { Exchange } from './exchange.ts';
import { isSubscription } from './subscription-methods.ts';

const RELATED_TASK = 'io.modelcontextprotocol/related-task';

/** Whose call something that a server says belongs to. */
export type Owner =
  | { readonly kind: 'one'; readonly exchange: Exchange }
  /** No agent's call is in flight that it could belong to. */
  | { readonly kind: 'none' }
  /** It could belong to calls of which one agent must not hear about the other's. */
  | { readonly kind: 'several' };

export interface Said {
  readonly params: Readonly<Record<string, unknown>> | undefined;
  /** Our request on whose own stream it came; undefined on a byte stream. */
  readonly about: number | undefined;
}

export interface Calls {
  readonly exchanges: ReadonlyMap<number, Exchange>;
  /** Agents of calls that were given up, but may still be at work in the server. */
  readonly lingering: ReadonlySet<string>;
  /** The server runs for one agent alone: any of its calls will do. */
  readonly oneAgent: boolean;
}

/** Finds the one call that something can belong to. Never a guess: where more than one could be meant, none is. */
export function ownerOf(said: Said, calls: Calls): Owner {
  if (said.about !== undefined) return owned(calls.exchanges.get(said.about));
  const known = [...calls.exchanges.values()].filter(({ agent, written }) => agent !== undefined && written);
  const task = taskOf(said.params);
  if (task !== undefined) return onlyOf(known.filter((exchange) => asksForTask(exchange, task)));
  const inFlight = known.filter(({ message }) => mayAskUnmarked(message.method));
  if (calls.oneAgent) return owned(inFlight.find(({ agent }) => agent?.ask !== undefined) ?? inFlight[0]);
  const only = onlyOf(inFlight);
  if (only.kind !== 'one') return only;
  const { principal } = only.exchange.agent ?? {};
  const others = [...calls.lingering].some((agentId) => agentId !== principal?.agentId);
  return others ? { kind: 'several' } : only;
}

/** Whether a server may ask its client something in such a request without naming a task: in those about tasks it must name it. */
export function mayAskUnmarked(method: string | undefined): boolean {
  return method === undefined || !(method.startsWith('tasks/') || isSubscription(method));
}

/** The task that the server names as what it speaks of, where it does. */
export function taskOf(params: Said['params']): unknown {
  const meta = params?.['_meta'];
  const related = isObject(meta) ? meta[RELATED_TASK] : undefined;
  return isObject(related) ? related['taskId'] : undefined;
}

function asksForTask({ message }: Exchange, task: unknown): boolean {
  return message.method === 'tasks/result' && message.params?.['taskId'] === task;
}

function onlyOf(candidates: readonly Exchange[]): Owner {
  return candidates.length > 1 ? { kind: 'several' } : owned(candidates[0]);
}

function owned(exchange: Exchange | undefined): Owner {
  return exchange?.agent === undefined ? { kind: 'none' } : { kind: 'one', exchange };
}
