import { expect, test } from 'vitest';
import { Driver } from '../../../node/fog/driver.ts';

type Event = { readonly add: number };
type Effect = { readonly wait?: Promise<void>; readonly say: string };

const counting =
  (made: Record<string, Promise<void>>) =>
  (state: number, { add }: Event) => {
    const next = state + add;
    const wait = made[String(next)];
    return {
      state: next,
      effects: [{ say: `before ${next}`, ...(wait === undefined ? {} : { wait }) }, { say: `after ${next}` }],
    };
  };

function driver(made: Record<string, Promise<void>> = {}) {
  const said: string[] = [];
  const halts: unknown[] = [];
  const driven = new Driver<number, Event, Effect>({
    initial: 0,
    step: counting(made),
    carryOut: ({ wait, say }) => {
      if (wait === undefined) {
        said.push(say);
        return undefined;
      }
      return wait.then(() => void said.push(say));
    },
    onHalt: (error) => halts.push(error),
  });
  return { driven, said, halts };
}

test('each event is a step at once, and effects follow in order across steps', async () => {
  const disk = Promise.withResolvers<void>();
  const { driven, said } = driver({ '1': disk.promise });
  driven.feed({ add: 1 });
  driven.feed({ add: 1 });
  expect(driven.state).toBe(2);
  expect(said).toEqual([]);
  disk.resolve();
  await driven.settled();
  expect(said).toEqual(['before 1', 'after 1', 'before 2', 'after 2']);
});

test('what a failed effect should have come before never happens', async () => {
  const disk = Promise.withResolvers<void>();
  const { driven, said, halts } = driver({ '1': disk.promise });
  driven.feed({ add: 1 });
  driven.feed({ add: 1 });
  disk.reject(new Error('disk'));
  await driven.settled();
  expect(said).toEqual([]);
  expect(halts).toHaveLength(1);
  driven.feed({ add: 1 });
  expect([driven.state, driven.halted]).toEqual([2, true]);
});

test('who brings more than can be done is made to wait', async () => {
  const disk = Promise.withResolvers<void>();
  const { driven } = driver({ '1': disk.promise });
  expect(driven.room()).toBeUndefined();
  for (let count = 0; count < 600; count += 1) driven.feed({ add: 1 });
  const room = driven.room();
  expect(room).toBeDefined();
  disk.resolve();
  await room;
  expect(driven.room()).toBeUndefined();
});

test('after a halt nothing more is done', async () => {
  const disk = Promise.withResolvers<void>();
  const { driven, said } = driver({ '1': disk.promise });
  driven.feed({ add: 1 });
  const halted = driven.halt();
  disk.resolve();
  await halted;
  expect(said).toEqual(['before 1']);
});

test('what needs no waiting is done within the call, and what follows from it comes after it', () => {
  const said: string[] = [];
  const driven: Driver<number, number, string> = new Driver<number, number, string>({
    initial: 0,
    step: (state, event) => ({ state: state + event, effects: [`first of ${event}`, `second of ${event}`] }),
    carryOut: (effect) => {
      said.push(effect);
      if (effect === 'first of 1') driven.feed(2);
    },
    onHalt: () => undefined,
  });
  driven.feed(1);
  driven.feed(3);
  expect(said).toEqual([1, 2, 3].flatMap((event) => [`first of ${event}`, `second of ${event}`]));
});

test('what waits for the disk is written at once, and each is carried out in its place', async () => {
  const writes: string[][] = [];
  const done: string[] = [];
  const disks = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const driven = new Driver<number, string, string>({
    initial: 0,
    step: (state, event) => ({ state: state + 1, effects: [`entry ${event}`, `send ${event}`] }),
    disk: {
      holds: (effect) => effect.startsWith('entry'),
      write: (effects) => (disks[writes.push([...effects]) - 1] as PromiseWithResolvers<void>).promise,
    },
    carryOut: (effect) => void done.push(effect),
    onHalt: () => undefined,
  });
  for (const event of ['a', 'b', 'c']) driven.feed(event);
  expect(writes).toEqual([['entry a']]);
  expect(done).toEqual([]);
  disks[0]?.resolve();
  await expect.poll(() => writes).toEqual([['entry a'], ['entry b', 'entry c']]);
  expect(done).toEqual(['entry a', 'send a']);
  disks[1]?.resolve();
  await driven.settled();
  expect(done).toEqual(['a', 'b', 'c'].flatMap((event) => [`entry ${event}`, `send ${event}`]));
  expect(writes).toHaveLength(2);
});

test('of what was written together nothing is done when the disk fails', async () => {
  const done: string[] = [];
  const disk = Promise.withResolvers<void>();
  const driven = new Driver<number, string, string>({
    initial: 0,
    step: (state, event) => ({ state, effects: [`entry ${event}`, `send ${event}`] }),
    disk: { holds: (effect) => effect.startsWith('entry'), write: () => disk.promise },
    carryOut: (effect) => void done.push(effect),
    onHalt: () => undefined,
  });
  driven.feed('a');
  disk.reject(new Error('disk'));
  await driven.settled();
  expect([driven.halted, done]).toEqual([true, []]);
});
