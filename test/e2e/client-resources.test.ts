import { afterEach, describe, expect, test } from 'vitest';
import { VillageClient } from '../../node/client/index.ts';
import { type Opened, openGateway } from '../support/echo-gateway.ts';
import { until } from '../support/until.ts';

let open: Opened;
afterEach(() => open.gateway.stop());

describe.each(['session', 'stateless'] as const)('a resource that a client subscribed to (%s)', (era) => {
  const connect = () => VillageClient.connect({ url: `${open.origin}/mcp`, token: 'alice', era });
  const told = async (heard: readonly string[], uri: string): Promise<void> => {
    const before = heard.length;
    await until(
      () => {
        open.router.update(uri);
        return heard.length > before;
      },
      { what: `hears of ${uri}` },
    );
  };

  test('is told of to each who asked, until it asks no more', async () => {
    open = await openGateway();
    await using client = await connect();
    const [one, two, other]: string[][] = [[], [], []];
    const [stopOne, stopTwo] = await Promise.all([
      client.subscribe('test://a', (uri) => one?.push(uri)),
      client.subscribe('test://a', (uri) => two?.push(uri)),
    ]);
    await client.subscribe('test://b', (uri) => other?.push(uri));
    await told(one as string[], 'test://a');
    await until(() => two?.length === one?.length);
    expect(other).toEqual([]);
    await stopOne?.();
    const heard = one?.length;
    await told(two as string[], 'test://a');
    expect(one).toHaveLength(heard ?? -1);
    await stopTwo?.();
    await stopTwo?.();
    await until(() => !open.router.interest.has('test://a'));
    await told(other as string[], 'test://b');
    expect(new Set(other)).toEqual(new Set(['test://b']));
  });

  test('that it may not hear of is refused, and the others go on', async () => {
    open = await openGateway();
    await using client = await connect();
    const heard: string[] = [];
    await client.subscribe('test://a', (uri) => heard.push(uri));
    const refused: unknown = await client.subscribe('secret://b', () => undefined).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: era === 'session' ? 'PERMISSION_DENIED' : 'RESOURCE_NOT_FOUND' });
    await told(heard, 'test://a');
  });

  test('is told of after the node was started again, and so is what may have changed meanwhile', async () => {
    open = await openGateway();
    const listen = new URL(open.origin).host;
    await using client = await connect();
    const heard: string[] = [];
    const uris = ['test://a', 'test://b'];
    for (const uri of uris) await client.subscribe(uri, (changed) => heard.push(changed));
    await open.gateway.stop();
    open = await openGateway({ listen });
    await until(() => heard.length >= 2, { timeoutMs: 15_000 });
    expect(heard.toSorted()).toEqual(uris);
    await told(heard, 'test://b');
    await client.close();
    await until(() => open.router.interest.size === 0, { timeoutMs: 5_000 });
  }, 30_000);
});
