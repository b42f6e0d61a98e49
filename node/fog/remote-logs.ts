import { randomUUID } from 'node:crypto';
import type { LogsAnswer, LogsAsked } from '../../protocols/fog/index.ts';
import { RateLimiter } from '../../src/routing/index.ts';
import type { FogClock } from './ports.ts';
import type { Logs } from './runner/index.ts';

/** Of one answer, as JSON: what else is in its message fits beside it. */
const MAX_CHUNK_BYTES = 48 * 1024;
const LONGEST_LINE = 4_000;
const ANSWER_MS = 5_000;
const MAX_PENDING = 64;
const LOOK_EVERY_MS = 1_000;
const ASKED = { perMinute: 1_200, burst: 200 };

export interface LogChunk {
  readonly lines: string[];
  /** The number of the line after these, the first line of a placement being 0. */
  readonly next: number;
  /** Lines before these that are not kept any more. */
  readonly dropped: number;
}

export interface RemoteLogsParts {
  readonly clock: Pick<FogClock, 'after' | 'now'>;
  readonly ask: (nodeId: string, asked: LogsAsked) => void;
  readonly answer: (nodeId: string, answer: LogsAnswer) => void;
  /** What a placement that runs here printed, if that node owns it. */
  readonly logsFor: (placementId: string, owner: string) => Logs | undefined;
}

/** What shards print that run on another node than their owner's, brought there a piece at a time: nothing is kept for who asks. */
export class RemoteLogs {
  readonly #parts: RemoteLogsParts;
  readonly #pending = new Map<string, { readonly from: string; readonly resolve: (answer: LogsAnswer) => void }>();
  readonly #rates = new RateLimiter({ maxKeys: 1_024 });

  constructor(parts: RemoteLogsParts) {
    this.#parts = parts;
  }

  /** Spec fog/R12. */
  asked({ id, placement, after }: LogsAsked, from: string): void {
    const { answer, logsFor, clock } = this.#parts;
    const logs = this.#rates.take(from, ASKED, clock.now()) > 0 ? undefined : logsFor(placement, from);
    answer(from, logs === undefined ? { id, refused: true } : { id, ...chunkOf(logs, after) });
  }

  heard(answer: LogsAnswer, from: string): void {
    const pending = this.#pending.get(answer.id);
    if (pending?.from === from) pending.resolve(answer);
  }

  /** undefined: that node has none for this one, or did not answer in 5 s. Never rejects. */
  async read(
    { nodeId, placement, after }: { readonly nodeId: string; readonly placement: string; readonly after: number },
    { signal }: { readonly signal: AbortSignal },
  ): Promise<LogChunk | undefined> {
    if (this.#pending.size >= MAX_PENDING || signal.aborted) return undefined;
    const id = randomUUID();
    const { promise, resolve } = Promise.withResolvers<LogsAnswer | undefined>();
    const giveUp = (): void => resolve(undefined);
    const cancel = this.#parts.clock.after(ANSWER_MS, giveUp);
    signal.addEventListener('abort', giveUp, { once: true });
    this.#pending.set(id, { from: nodeId, resolve });
    this.#parts.ask(nodeId, { id, placement, after });
    const answer = await promise;
    cancel();
    signal.removeEventListener('abort', giveUp);
    this.#pending.delete(id);
    return answer === undefined || 'refused' in answer ? undefined : answer;
  }

  /** All that is kept, then what comes, until `signal` fires or the node answers no more. */
  async *follow(
    of: { readonly nodeId: string; readonly placement: string },
    { signal }: { readonly signal: AbortSignal },
  ): AsyncGenerator<LogChunk> {
    let after = 0;
    for (;;) {
      const chunk = await this.read({ ...of, after }, { signal });
      if (chunk === undefined) return;
      after = chunk.next;
      yield chunk;
      if (chunk.lines.length === 0) await this.#rest(signal);
    }
  }

  #rest(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#parts.clock.after(LOOK_EVERY_MS, resolve);
    const ended = (): void => resolve();
    signal.addEventListener('abort', ended, { once: true });
    if (signal.aborted) resolve();
    return promise.finally(() => {
      cancel();
      signal.removeEventListener('abort', ended);
    });
  }
}

/** As many lines from number `after` on as fit. A count that is not reached yet is one of an earlier process: all is told. */
export function chunkOf(logs: Pick<Logs, 'read'>, after: number): LogChunk {
  const { lines, dropped } = logs.read();
  const from = after > dropped + lines.length ? dropped : Math.max(after, dropped);
  const chosen: string[] = [];
  let bytes = 0;
  for (const line of lines.slice(from - dropped)) {
    const short = line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)} …` : line;
    bytes += Buffer.byteLength(JSON.stringify(short)) + 1;
    if (bytes > MAX_CHUNK_BYTES) break;
    chosen.push(short);
  }
  return { lines: chosen, next: from + chosen.length, dropped: Math.max(0, from - after) };
}
