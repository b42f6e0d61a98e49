import { expect, test } from 'vitest';
import { Timeline } from '../../../node/fog/timeline.ts';
import type { Transition } from '../../../src/fog/index.ts';

const change = (owner: string, deployment: string): Transition => ({
  ...{ atMs: 0, of: 'slot', id: `${deployment} 0`, from: 'none', to: 'pending', because: 'deployed' },
  slot: { owner, deployment, slot: 0 },
});

test('what became of a node’s own deployments outlives any number of names that others ask room for', () => {
  const timeline = new Timeline('here');
  timeline.add(change('here', 'mine'));
  for (let index = 0; index < 2_000; index += 1) timeline.add(change('stranger', `d${index}`));
  expect(timeline.read('here', 'mine')).toHaveLength(1);
  expect(timeline.read('stranger', 'd0')).toEqual([]);
  expect(timeline.read('stranger', 'd1999')).toHaveLength(1);
});

test('of its own the oldest go when there are too many', () => {
  const timeline = new Timeline('here');
  for (let index = 0; index < 2_000; index += 1) timeline.add(change('here', `d${index}`));
  expect(timeline.read('here', 'd0')).toEqual([]);
  expect(timeline.read('here', 'd1999')).toHaveLength(1);
});
