import { join } from 'node:path';
import { bearerProxy } from './bearer-proxy.ts';
import { startFixture } from './fixture-port.ts';
import { type ProcessNode, ROOT } from './process-node.ts';
import { twoNodes } from './two-nodes.ts';

const fixture = (name: string) => join(ROOT, 'test/fixtures/conformance', `${name}.ts`);

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
  const { host, far } = await twoNodes(mcpServers);
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
