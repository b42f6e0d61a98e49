import { describe, expect, test } from 'vitest';
import { concerns, type NewTask, TaskBook } from '../../../src/routing/index.ts';

const task = (ownId: string, more: Partial<NewTask> = {}): NewTask => ({
  ownId,
  nodeId: 'n1',
  alias: 'a',
  tool: 'work',
  seen: { taskId: ownId, status: 'working', ttl: null },
  ...more,
});

describe('the book of tasks', () => {
  test('finds a task for the agent that began it, and for nobody else', () => {
    const book = new TaskBook();
    book.add('ann', task('t1'), 0);
    expect(book.find('ann', 't1', 1)).toMatchObject({ id: 't1', ownId: 't1', nodeId: 'n1', alias: 'a', tool: 'work' });
    expect(book.find('bob', 't1', 1)).toBeUndefined();
    expect(book.of('bob', 1)).toEqual([]);
  });

  test.each([
    [5_000, 65_000],
    [0, 60_000],
    [-1, 60_000],
    [null, 86_400_000],
    [undefined, 3_600_000],
    ['soon', 3_600_000],
    [1e15, 86_400_000],
  ])('keeps one whose ttl is %j for %d ms', (ttl, keptMs) => {
    const book = new TaskBook();
    book.add('ann', task('t', { seen: { ttl } }), 1_000);
    expect(book.find('ann', 't', 1_000 + keptMs - 1)).toBeDefined();
    expect(book.find('ann', 't', 1_000 + keptMs)).toBeUndefined();
    expect(book.of('ann', 1_000 + keptMs)).toEqual([]);
  });

  test('gives another name to an id that another server of this agent has, and the same to the same', () => {
    const book = new TaskBook();
    const ids = [
      book.add('ann', task('1'), 0),
      book.add('ann', task('1', { nodeId: 'n2' }), 0),
      book.add('ann', task('1', { alias: 'b' }), 0),
      book.add('ann', task('1'), 0),
      book.add('bob', task('1', { alias: 'b' }), 0),
    ].map(({ id }) => id);
    expect(ids).toEqual(['1', '1~2', '1~3', '1', '1']);
    expect(book.find('ann', '1~2', 1)).toMatchObject({ ownId: '1', nodeId: 'n2', seen: { taskId: '1~2' } });
  });

  test('keeps 256 of an agent: ended ones make room first, then the oldest', () => {
    const book = new TaskBook();
    for (let i = 0; i < 256; i++) book.add('ann', task(`t${i}`), 0);
    book.update('ann', 't7', { status: 'completed' });
    book.add('ann', task('more'), 0);
    expect([book.find('ann', 't7', 1), book.find('ann', 't0', 1)?.id]).toEqual([undefined, 't0']);
    book.add('ann', task('still more'), 0);
    expect(book.find('ann', 't0', 1)).toBeUndefined();
    expect(book.of('ann', 1).length).toBe(256);
  });

  test('keeps 1,024 agents, those that began a task last', () => {
    const book = new TaskBook();
    for (let i = 0; i < 1_024; i++) book.add(`agent${i}`, task('t'), 0);
    book.add('agent0', task('u'), 0);
    book.add('another', task('t'), 0);
    expect(book.find('agent0', 't', 1)).toBeDefined();
    expect(book.find('agent1', 't', 1)).toBeUndefined();
  });
});

describe('a change of a resource', () => {
  test.each([
    ['x://a', 'x://a', true],
    ['x://a', 'x://a/b', true],
    ['x://a/', 'x://a/b', true],
    ['x://a', 'x://a?q', true],
    ['x://a', 'x://a#f', true],
    ['x://a', 'x://ab', false],
    ['x://a/b', 'x://a', false],
    ['x://a', 'y://a', false],
  ])('who subscribed to %s hears of %s: %s', (subscribed, updated, expected) => {
    expect(concerns(subscribed, updated)).toBe(expected);
  });
});
