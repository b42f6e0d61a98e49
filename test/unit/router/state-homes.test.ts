import { expect, test } from 'vitest';
import { StateHomes } from '../../../node/router/state-homes.ts';

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
const retry = (requestState: unknown) =>
  ({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { requestState } }) as const;
const asks = (requestState: unknown) => bytes({ id: 1, result: { resultType: 'input_required', requestState } });

test('a retry goes home to the node that its state came from', () => {
  const homes = new StateHomes();
  homes.learn(asks('from a'), 'a');
  homes.learn(asks('from b'), 'b');
  expect(homes.homeOf(retry('from a'))).toBe('a');
  expect(homes.homeOf(retry('from b'))).toBe('b');
  expect(homes.homeOf(retry('from nowhere'))).toBeUndefined();
  expect(homes.homeOf(retry(7))).toBeUndefined();
  expect(homes.homeOf({ jsonrpc: '2.0', id: 1, method: 'tools/call' })).toBeUndefined();
});

test('nothing else that an answer says is taken for a state', () => {
  const homes = new StateHomes();
  const text = 'says "input_required" and means it';
  homes.learn(bytes({ id: 1, result: { content: [{ text }], requestState: 's' } }), 'a');
  homes.learn(bytes({ id: 1, result: ['"input_required"'] }), 'a');
  homes.learn(bytes({ id: 1, error: { code: 1, message: text } }), 'a');
  homes.learn(asks({ of: 'another kind' }), 'a');
  homes.learn(Buffer.from('{"input_required"'), 'a');
  expect(homes.homeOf(retry('s'))).toBeUndefined();
});

test('what was learnt longest ago is forgotten first', () => {
  const homes = new StateHomes();
  for (let n = 0; n <= 4_096; n++) homes.learn(asks(`s${n}`), 'a');
  expect(homes.homeOf(retry('s0'))).toBeUndefined();
  expect(homes.homeOf(retry('s4096'))).toBe('a');
});
