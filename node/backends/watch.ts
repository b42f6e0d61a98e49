import { setTimeout as delay } from 'node:timers/promises';
import { ERRORS, isObject } from '../../src/mcp/index.ts';
import type { Connection } from './connection.ts';

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

/** Hears of changed lists for as long as the connection lasts. Nothing where the server promises no such word. */
export function watch(connection: Connection, events: { listChanged(): void }): void {
  const capabilities = connection.terms?.capabilities ?? {};
  const tells = (name: string): boolean => {
    const capability = capabilities[name];
    return isObject(capability) && capability['listChanged'] === true;
  };
  const wanted = {
    ...(tells('tools') ? { toolsListChanged: true } : {}),
    ...(tells('prompts') ? { promptsListChanged: true } : {}),
    ...(tells('resources') ? { resourcesListChanged: true } : {}),
  };
  // With a session, questions and log lines come unasked too.
  if (connection.terms?.era !== 'stateless') connection.listen();
  else if (Object.keys(wanted).length > 0) void subscribe(connection, wanted, events);
}

/** Never rejects. Ends with the connection, or when the server knows no subscriptions. */
async function subscribe(
  connection: Connection,
  wanted: Readonly<Record<string, boolean>>,
  events: { listChanged(): void },
): Promise<void> {
  let retryMs = FIRST_RETRY_MS;
  for (;;) {
    const since = performance.now();
    const ending = await connection.ask(
      'subscriptions/listen',
      { notifications: wanted },
      { deadlineAt: Number.POSITIVE_INFINITY },
    );
    if (connection.closed) return;
    if (ending.kind === 'error' && ending.error.code === ERRORS.METHOD_NOT_FOUND.code) return;
    retryMs = performance.now() - since > LONGEST_RETRY_MS ? FIRST_RETRY_MS : Math.min(retryMs * 2, LONGEST_RETRY_MS);
    await delay(retryMs, undefined, { ref: false });
    if (connection.closed) return;
    events.listChanged(); // what was said meanwhile went unheard
  }
}
