import { expect, test } from 'vitest';
import { createEventBus } from '../../../node/telemetry/index.ts';

test('every listener hears an event, until it stops listening', () => {
  const bus = createEventBus();
  const heard: string[] = [];
  const end = bus.on('peer.gone', ({ peer }) => heard.push(`named ${peer}`));
  bus.onAny((name) => heard.push(name));
  bus.report('peer.gone', { peer: 'a' });
  end();
  bus.report('peer.gone', { peer: 'b' });
  expect(heard).toEqual(['named a', 'peer.gone', 'peer.gone']);
});

test('a listener that throws harms neither the others nor the one who reports, and its failure is an event', () => {
  const bus = createEventBus();
  const heard: string[] = [];
  const failure = new Error('a listener broke');
  bus.on('peer.gone', () => {
    throw failure;
  });
  bus.on('peer.gone', ({ peer }) => heard.push(peer));
  bus.on('background.failed', ({ area, error }) => heard.push(`${area}: ${error === failure}`));
  bus.report('peer.gone', { peer: 'a' });
  expect(heard).toEqual(['telemetry: true', 'a']);
});

test('a listener that fails on the news of failures does not go round for ever', () => {
  const bus = createEventBus();
  let calls = 0;
  bus.onAny(() => {
    calls += 1;
    throw new Error('always');
  });
  bus.report('peer.gone', { peer: 'a' });
  expect(calls).toBe(2);
});
