import { sha256Hex } from '../../src/kernel/index.ts';
import { BLOCK_SEQS, DIGEST_LENGTH, type Held, MAX_BLOCKS, MAX_TAIL, SHORT_ID_LENGTH } from './schema.ts';

/** A statement in a voter's log. */
export interface Logged {
  readonly seq: number;
  /** 64 hex digits. */
  readonly id: string;
  readonly jws: string;
}

export const blockOf = (seq: number): number => Math.floor(seq / BLOCK_SEQS);

/** What a log holds, told so that a peer finds what is missing. `log`: in the order of sequence numbers, then ids. */
export function heldOf(log: readonly Logged[]): Held {
  const digests = digestsOf(log);
  const last = log.at(-1);
  if (last === undefined) return { blocks: [], tail: [] };
  const lastBlock = blockOf(last.seq);
  const blocks = [...digests].filter(([block]) => block !== lastBlock).slice(-MAX_BLOCKS);
  const tail: string[] = [];
  for (let at = log.length - 1; at >= 0 && tail.length < MAX_TAIL; at -= 1) {
    const { seq, id } = log[at] as Logged;
    if (blockOf(seq) !== lastBlock) break;
    tail.push(id.slice(0, SHORT_ID_LENGTH));
  }
  return { blocks, tail };
}

/** What of `log` somebody lacks who holds `held`. A block that differs is given whole. */
export function lackedOf(log: readonly Logged[], held: Held | undefined): readonly Logged[] {
  if (held === undefined) return log;
  const theirs = new Map(held.blocks);
  const named = new Set(held.tail);
  const ours = theirs.size === 0 ? undefined : digestsOf(log);
  return log.filter(({ seq, id }) => {
    const block = blockOf(seq);
    const same = ours !== undefined && theirs.get(block) === ours.get(block);
    return !same && !named.has(id.slice(0, SHORT_ID_LENGTH));
  });
}

/** Block → digest over the ids in it, in order, each followed by a newline. */
function digestsOf(log: readonly Logged[]): Map<number, string> {
  const ids = new Map<number, string>();
  for (const { seq, id } of log) ids.set(blockOf(seq), `${ids.get(blockOf(seq)) ?? ''}${id}\n`);
  return new Map([...ids].map(([block, text]) => [block, sha256Hex(text).slice(0, DIGEST_LENGTH)]));
}
