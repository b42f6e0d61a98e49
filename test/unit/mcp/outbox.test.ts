import { describe, expect, it } from 'vitest';
import { Outbox } from '../../../protocols/mcp/outbox.ts';
import { FrameReader } from '../../../protocols/wire/index.ts';

const PING = 6;

/** An outbox, the keys of the frames in each of its writes, and its turns, to be ended by hand. */
function watched() {
  const writes: number[][] = [];
  const turns: (() => void)[] = [];
  const sink = {
    needsDrain: false,
    send(bytes: Uint8Array): void {
      const keys: number[] = [];
      new FrameReader((_type, key) => void keys.push(key), { maxPayloadBytes: 64 * 1024 }).push(bytes);
      writes.push(keys);
    },
  };
  const outbox = new Outbox(sink, { defer: (flush) => void turns.push(flush), onEmpty: () => {} });
  const add = (...keys: number[]): void => {
    for (const key of keys) outbox.small(PING, key);
  };
  const endTurn = (): void => {
    for (const turn of turns.splice(0)) turn();
  };
  return { outbox, sink, writes, turns, add, endTurn };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

describe('what waits to be written', () => {
  it('goes in one write at the end of the turn', () => {
    const { outbox, writes, add, endTurn } = watched();
    add(...upTo(15));
    outbox.sendFull();
    expect(writes).toEqual([]);
    endTurn();
    expect(writes).toEqual([upTo(15)]);
  });

  it('goes at once when it is enough for a write of its own, and the rest with the turn', () => {
    const { outbox, writes, turns, add, endTurn } = watched();
    add(...upTo(16));
    outbox.sendFull();
    expect(writes).toEqual([upTo(16)]);
    add(16, 17);
    outbox.sendFull();
    // The turn that was asked for is the one it goes with.
    expect([writes.length, turns.length]).toEqual([1, 1]);
    endTurn();
    expect(writes).toEqual([upTo(16), [16, 17]]);
    endTurn();
    expect(writes.length).toBe(2);
  });

  it('waits, however much it is, while the stream takes no more', () => {
    const { outbox, sink, writes, add, endTurn } = watched();
    sink.needsDrain = true;
    for (const key of upTo(64)) {
      add(key);
      outbox.sendFull();
    }
    endTurn();
    expect(writes).toEqual([]);
    sink.needsDrain = false;
    outbox.drained();
    endTurn();
    expect(writes).toEqual([upTo(64)]);
  });
});
