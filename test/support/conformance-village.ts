import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bearerProxy } from './bearer-proxy.ts';
import { startFixture } from './fixture-port.ts';
import { type ProcessNode, ROOT } from './process-node.ts';
import { AMPLE, twoNodes } from './two-nodes.ts';

const fixture = (name: string) => join(ROOT, 'test/fixtures/conformance', `${name}.ts`);

const KEPT_MS = 60_000;

export type Era = 'session' | 'stateless';
/** Where the server is that a suite of one era looks at; in the last one it speaks the other era alone. */
export const PLACEMENTS = ['same node', 'one hop', 'one hop, stdio child', 'one hop, other era'] as const;
export type Placement = (typeof PLACEMENTS)[number];

/** `plain`: HTTP, limits that nobody meets, no answer kept. `everything`: TLS 1.3, the limits that a node has by itself, answers kept. */
export const GUARDS = ['plain', 'everything'] as const;
export type Guards = (typeof GUARDS)[number];

/** Two nodes: `host` has both fixtures by URL and as a stdio child, `far` reaches them over the mesh. */
export interface ConformanceVillage extends AsyncDisposable {
  readonly host: ProcessNode;
  readonly far: ProcessNode;
  readonly guards: Guards;
  /** Where a client without a header of its own finds the server that is looked at in `era`. */
  url(placement: Placement, era: Era): string;
}

export async function conformanceVillage(guards: Guards): Promise<ConformanceVillage> {
  await using building = new AsyncDisposableStack();
  const session = building.use(await startFixture(fixture('session'), ['http']));
  const stateless = building.use(await startFixture(fixture('stateless'), ['http']));
  const servers = {
    'session-url': { url: `http://127.0.0.1:${session.port}/mcp` },
    'stateless-url': { url: `http://127.0.0.1:${stateless.port}/mcp` },
    'stateless-only': { command: process.execPath, args: [fixture('stateless'), 'only'] },
    'session-stdio': { command: process.execPath, args: [fixture('session')] },
    'stateless-stdio': { command: process.execPath, args: [fixture('stateless')] },
  };
  const guarded = guards === 'everything';
  const kept = Object.entries(servers).map(([alias, server]) => [alias, { ...server, cacheTtlMs: KEPT_MS }]);
  const mcpServers = guarded ? Object.fromEntries(kept) : servers;
  const { host, far } = await twoNodes(mcpServers, guarded ? { gatewayTls: {} } : { limits: AMPLE });
  const proxyFor = async (node: ProcessNode) => {
    const ca = guarded ? { ca: readFileSync(join(node.data, 'keys/gateway-tls.crt'), 'utf8') } : {};
    return bearerProxy({ port: portOf(node), token: await node.token(), ...ca });
  };
  const near = building.use(await proxyFor(host));
  const away = building.use(await proxyFor(far));
  const stack = building.move();
  return {
    ...{ host, far, guards },
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
