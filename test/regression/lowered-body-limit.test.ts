import { expect, test } from 'vitest';
import { bearer, openGateway } from '../support/echo-gateway.ts';
import { postBytes, RawClient } from '../support/raw-http.ts';

/** A connection remembers the heads that it has read, and with them what was allowed then. */
test('a body limit that is lowered holds on a connection that is open', async () => {
  const limits = { maxBodyBytes: 1_000, maxSessions: 10, sessionIdleMs: 1_000, maxInFlight: 8 };
  await using opened = await openGateway({ limits });
  const { port, host } = new URL(opened.origin);
  using client = await RawClient.to(Number(port));
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping', params: { long: 'x'.repeat(200) } });
  const asked = postBytes('/mcp', { Host: host, ...bearer('alice') }, body);
  for (let time = 0; time < 2; time += 1) {
    client.send(asked);
    expect((await client.response()).status).toBe(400); // no session
  }
  limits.maxBodyBytes = 100;
  client.send(asked);
  expect((await client.response()).status).toBe(413);
});
