import { Client as ClientV2, StreamableHTTPClientTransport as StreamableHttpV2 } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Opened, openGateway } from '../support/echo-gateway.ts';
import { until } from '../support/until.ts';

let open: Opened;
beforeAll(async () => {
  open = await openGateway();
});
afterAll(() => open.gateway.stop());

const info = { name: 'test', version: '0' };
const requestInit = { headers: { Authorization: 'Bearer alice' } };
const echo = { name: 'echo', arguments: { message: 'hello' } };
// The reply waits until the client has seen all progress: the SDK drops progress that it reads together with the reply.
const steps = { name: 'progress', arguments: { wait: true } };
const released =
  (seen: number[]) =>
  ({ progress }: { progress: number }): void => {
    if (seen.push(progress) === 3) open.router.release();
  };

describe('the SDK’s client of version 1', () => {
  const transports: [string, () => Transport][] = [
    [
      'Streamable HTTP',
      () => new StreamableHTTPClientTransport(new URL(`${open.origin}/mcp`), { requestInit }) as Transport,
    ],
    ['HTTP+SSE', () => new SSEClientTransport(new URL(`${open.origin}/sse`), { requestInit }) as Transport],
  ];

  test.each(transports)(
    'lists, calls, follows progress, cancels and hears of changes over %s',
    async (_name, transport) => {
      const client = new Client(info);
      const changed = new Promise<void>((resolve) =>
        client.setNotificationHandler(ToolListChangedNotificationSchema, () => resolve()),
      );
      await client.connect(transport());
      expect(client.getServerVersion()).toMatchObject({ name: 'village' });
      expect(client.getInstructions()).toBe('the whole village');
      expect((await client.listTools()).tools.map(({ name }) => name)).toContain('echo');
      expect((await client.callTool(echo)).content).toEqual([{ type: 'text', text: 'hello' }]);

      const seen: number[] = [];
      await client.callTool(steps, undefined, { onprogress: released(seen) });
      expect(seen).toEqual([1, 2, 3]);

      const stop = new AbortController();
      const arrival = open.router.arrival();
      const held = client.callTool({ name: 'hold' }, undefined, { signal: stop.signal });
      const reached = await arrival;
      stop.abort();
      await expect(held).rejects.toThrow();
      await until(() => reached.signal.aborted);

      await until(() => {
        open.router.change('tools');
        return Promise.race([changed.then(() => true), new Promise((resolve) => setTimeout(resolve, 100, false))]);
      });
      await client.close();
    },
  );

  test('ends its session', async () => {
    const transport = new StreamableHTTPClientTransport(new URL(`${open.origin}/mcp/everything`), { requestInit });
    const client = new Client(info);
    await client.connect(transport as Transport);
    const before = open.gateway.sessionCount;
    await transport.terminateSession();
    expect(open.gateway.sessionCount).toBe(before - 1);
    await client.close();
  });
});

describe('the SDK’s client of version 2', () => {
  const modes = [
    ['as it comes', undefined, 'session'],
    ['negotiating', { mode: 'auto' }, 'stateless'],
    ['pinned to 2026-07-28', { mode: { pin: '2026-07-28' } }, 'stateless'],
  ] as const;

  test.each(modes)('%s lists and calls, follows progress, cancels', async (_name, versionNegotiation, era) => {
    const client = new ClientV2(info, versionNegotiation === undefined ? {} : { versionNegotiation });
    await client.connect(new StreamableHttpV2(new URL(`${open.origin}/mcp`), { requestInit }));
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('echo');
    expect((await client.callTool(echo)).content).toEqual([{ type: 'text', text: 'hello' }]);
    expect(open.router.calls.at(-1)?.era).toBe(era);

    const seen: number[] = [];
    await client.callTool(steps, { onprogress: released(seen) });
    expect(seen).toEqual([1, 2, 3]);

    const stop = new AbortController();
    const arrival = open.router.arrival();
    const held = client.callTool({ name: 'hold' }, { signal: stop.signal });
    const reached = await arrival;
    stop.abort();
    await expect(held).rejects.toThrow();
    await until(() => reached.signal.aborted);
    await client.close();
  });
});
