import { join } from 'node:path';
import { bearerProxy } from './bearer-proxy.ts';
import { startFixture } from './fixture-port.ts';
import { type ProcessNode, ROOT } from './process-node.ts';
import { twoNodes } from './two-nodes.ts';

const fixture = (name: string) => join(ROOT, 'test/fixtures/conformance', `${name}.ts`);

export type Era = 'session' | 'stateless';
/** Where the server is that a suite of one era looks at; in the last one it speaks the other era alone. */
export const PLACEMENTS = ['same node', 'one hop', 'one hop, stdio child', 'one hop, other era'] as const;
export type Placement = (typeof PLACEMENTS)[number];

/** Two nodes: `host` has both fixtures by URL and as a stdio child, `far` reaches them over the mesh. */
export interface ConformanceVillage extends AsyncDisposable {
  readonly host: ProcessNode;
  readonly far: ProcessNode;
  /** Where a client without a header of its own finds the server that is looked at in `era`. */
  url(placement: Placement, era: Era): string;
}

export async function conformanceVillage(): Promise<ConformanceVillage> {
  await using building = new AsyncDisposableStack();
  const session = building.use(await startFixture(fixture('session'), ['http']));
  const stateless = building.use(await startFixture(fixture('stateless'), ['http']));
  const mcpServers = {
    'session-url': { url: `http://127.0.0.1:${session.port}/mcp` },
    'stateless-url': { url: `http://127.0.0.1:${stateless.port}/mcp` },
    'stateless-only': { command: process.execPath, args: [fixture('stateless'), 'only'] },
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
    url: (placement, era) => {
      const { port } = placement === 'same node' ? near : away;
      return `http://127.0.0.1:${port}/mcp/${serverFor(placement, era)}`;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function serverFor(placement: Placement, era: Era): string {
  if (placement === 'one hop, other era') return era === 'session' ? 'stateless-only' : 'session-url';
  return `${era}-${placement === 'one hop, stdio child' ? 'stdio' : 'url'}`;
}

const portOf = (node: ProcessNode) => Number(new URL(node.ready.gateway).port);
