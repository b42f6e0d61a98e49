import { join } from 'node:path';
import { bearerProxy } from './bearer-proxy.ts';
import { startFixture } from './fixture-port.ts';
import { ProcessNode, ROOT } from './process-node.ts';
import { until } from './until.ts';

const fixture = (name: string) => join(ROOT, 'test/fixtures/conformance', `${name}.ts`);
const limits = { perAgentPerMinute: 1_000_000, perSourcePerMinute: 1_000_000 };

export type Fixture = 'session' | 'stateless';
export type Placement = 'same node' | 'one hop' | 'one hop, stdio child';
export const PLACEMENTS: readonly Placement[] = ['same node', 'one hop', 'one hop, stdio child'];

/** Two nodes: `host` has both fixtures by URL and as a stdio child, `far` reaches them over the mesh. */
export interface ConformanceVillage extends AsyncDisposable {
  readonly host: ProcessNode;
  readonly far: ProcessNode;
  /** Where a client without a header of its own finds a fixture. */
  url(placement: Placement, fixture: Fixture): string;
}

export async function conformanceVillage(): Promise<ConformanceVillage> {
  await using building = new AsyncDisposableStack();
  const session = building.use(await startFixture(fixture('session'), ['http']));
  const stateless = building.use(await startFixture(fixture('stateless'), ['http']));
  const mcpServers = {
    'session-url': { url: `http://127.0.0.1:${session.port}/mcp` },
    'stateless-url': { url: `http://127.0.0.1:${stateless.port}/mcp` },
    'session-stdio': { command: process.execPath, args: [fixture('session')] },
    'stateless-stdio': { command: process.execPath, args: [fixture('stateless')] },
  };
  const host = await ProcessNode.start({ name: 'host', config: { mcpServers, limits } });
  const { invite } = await host.json<{ invite: string }>(['invite', '--uses', '1']);
  const far = await ProcessNode.start({ name: 'far', config: { limits }, args: ['--join', invite] });
  for (const alias of Object.keys(mcpServers)) {
    const ping = ['tools', 'call', `${alias}__test_simple_text`];
    await until(async () => (await far.cli(ping)).stdout.includes('simple text response'), {
      timeoutMs: 15_000,
      what: `${alias} is reached from the other node`,
    });
  }
  const near = building.use(await bearerProxy({ port: portOf(host), token: await host.token() }));
  const away = building.use(await bearerProxy({ port: portOf(far), token: await far.token() }));
  const stack = building.move();
  return {
    host,
    far,
    url: (placement, name) => {
      const { port } = placement === 'same node' ? near : away;
      return `http://127.0.0.1:${port}/mcp/${name}-${placement.endsWith('stdio child') ? 'stdio' : 'url'}`;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const portOf = (node: ProcessNode) => Number(new URL(node.ready.gateway).port);
