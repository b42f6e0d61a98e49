import { expect, test } from 'vitest';
import { bearer, call, type Opened, openGateway, stateless } from '../support/echo-gateway.ts';
import { events, open as openStream, send, sendAndVanish } from '../support/http.ts';
import { until } from '../support/until.ts';

const ROUNDS = 400;
const AT_ONCE = 20;

/** One client's life, in one of four ways: it says goodbye, or vanishes from a session, from a stream, or from a question. */
async function live(open: Opened, turn: number): Promise<void> {
  const url = `${open.origin}/mcp`;
  const headers = await open.session({ capabilities: { roots: {} } });
  const post = (message: object) => openStream(url, { method: 'POST', headers, body: JSON.stringify(message) });
  const uri = `test://${turn % 7}`;
  await open.post({ jsonrpc: '2.0', id: 1, method: 'resources/subscribe', params: { uri } }, { headers });
  const main = await openStream(url, { headers });
  for await (const { data } of events(await post(call(2, 'progress')))) if (data.includes('"result"')) break;
  switch (turn % 4) {
    case 0:
      await send(url, { method: 'DELETE', headers });
      break;
    case 1:
      break;
    case 2:
      sendAndVanish(url, { headers, body: JSON.stringify(call(3, 'progress', { arguments: { wait: true } })) })();
      break;
    default: {
      const asked = await post(call(3, 'ask', { arguments: { question: { method: 'roots/list' } } }));
      await events(asked).next();
      asked.destroy();
    }
  }
  main.destroy();
  const listening = stateless('L', 'subscriptions/listen', { notifications: { resourceSubscriptions: [uri] } });
  const [message, options] = listening;
  const asked = { method: 'POST', headers: { ...bearer('alice'), ...options.headers }, body: JSON.stringify(message) };
  const stream = await openStream(url, asked);
  await events(stream).next();
  stream.destroy();
}

test('hundreds of sessions, however they end, leave nothing behind at the gateway', { timeout: 60_000 }, async () => {
  let now = 0;
  const limits = { maxBodyBytes: 1024 * 1024, maxSessions: 10_000, sessionIdleMs: 60_000, maxInFlight: 8 };
  await using open = await openGateway({ now: () => now, limits });
  for (let turn = 0; turn < ROUNDS; turn += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => live(open, turn + index)));
  }
  expect(open.gateway.sessionCount).toBeGreaterThan(ROUNDS / 2);
  expect(open.gateway.keptEventCount).toBeGreaterThan(ROUNDS);

  // What clients left hanging is given up when they have been away too long, and then the sessions are idle.
  await until(() => {
    now += 60_000;
    open.router.release();
    open.gateway.linger();
    open.gateway.tick();
    const { sessionCount, subscriptionCount, keptEventCount } = open.gateway;
    return sessionCount + subscriptionCount + keptEventCount + open.router.interest.size === 0;
  });
  await until(async () => (await open.gateway.connections()) === 0);
});
