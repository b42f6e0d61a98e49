import type { EventBus, EventName, Events } from './events.ts';

type AnyListener = (name: EventName, detail: Events[EventName]) => void;

/**
 * Hands every event to its listeners, at once and in the order they came. A listener that throws harms nobody: the rest still
 * hear, and its failure is itself an event.
 */
export function createEventBus(): EventBus {
  const byName = new Map<EventName, Set<(detail: never) => void>>();
  const all = new Set<AnyListener>();
  let telling = false;

  function failed(error: unknown): void {
    if (telling) return; // a listener that fails on the news of a failure: once is enough
    telling = true;
    try {
      report('background.failed', { area: 'telemetry', error });
    } finally {
      telling = false;
    }
  }

  function report<Name extends EventName>(name: Name, detail: Events[Name]): void {
    const named = byName.get(name);
    if (named !== undefined) {
      for (const listener of named) {
        try {
          (listener as (detail: Events[Name]) => void)(detail);
        } catch (error) {
          failed(error);
        }
      }
    }
    for (const listener of all) {
      try {
        listener(name, detail);
      } catch (error) {
        failed(error);
      }
    }
  }

  return {
    report,
    on(name, listener) {
      const listeners = byName.get(name) ?? new Set();
      byName.set(name, listeners);
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    onAny(listener) {
      all.add(listener);
      return () => void all.delete(listener);
    },
  };
}
