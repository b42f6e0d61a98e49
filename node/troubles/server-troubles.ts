import type { Hosting } from '../backends/index.ts';
import type { ToolPins } from '../pins/index.ts';
import type { Router } from '../router/index.ts';
import { redacted } from '../telemetry/index.ts';
import type { RecentTroubles } from './recent.ts';
import type { Trouble } from './trouble.ts';

export interface ServerTroubleParts {
  readonly hosting: Pick<Hosting, 'servers'>;
  readonly router: Pick<Router, 'missing'>;
  readonly pins: Pick<ToolPins, 'changed'>;
  /** Whether the village's rules have a changed tool refused until it is approved. */
  readonly changedAreBlocked: () => boolean;
  readonly recent: Pick<RecentTroubles, 'lasting'>;
}

/** Servers that agents could count on and cannot, and tools that are not what they were. */
export function* serverTroubles(parts: ServerTroubleParts): Iterable<Trouble> {
  const { hosting, router, pins, recent } = parts;
  for (const server of hosting.servers()) {
    const { alias, kind } = server;
    const lasting = recent.lasting(`server ${alias}`);
    const now = server.state();
    // One that is started again and again is down all the while.
    const state = now.state === 'starting' && lasting !== undefined ? 'down' : now.state;
    if (state !== 'down' && state !== 'degraded') continue;
    const problem = now.problem ?? lasting?.problem;
    const why = problem === undefined || problem === '' ? '' : `: ${redacted(problem)}`;
    yield {
      kind: state === 'down' ? 'server-down' : 'server-degraded',
      of: alias,
      sinceMs: lasting?.sinceMs ?? now.since,
      found: `server ${alias} is ${state}${why}`,
      means:
        state === 'down'
          ? 'its tools cannot be used here; where another node serves it too, calls go there'
          : 'what it offers is known from before; calls to it may fail',
      remedy:
        kind === 'url'
          ? `see that its \`url\` and \`headers\` in mcpServers.${alias} are right and that it answers; it is tried again by itself`
          : `see that \`command\`, \`args\` and \`env\` in mcpServers.${alias} work by hand; it is started again by itself, and \`log.areas.servers: "debug"\` shows what it prints`,
    };
  }
  for (const { server, node, since, problem } of router.missing()) {
    if (node === undefined) continue;
    yield {
      kind: 'server-missing',
      of: server,
      sinceMs: Date.parse(since),
      found: `server ${server} of node ${node} is missing since ${since}${problem === undefined ? '' : ` (${problem})`}`,
      means: 'no other node serves it, so that its tools are in no list and cannot be called',
      remedy: `look at that node: whether it runs, is connected, and what its \`village status\` says`,
    };
  }
  for (const { nodeId, server, tool } of pins.changed()) {
    const name = `${server}__${tool}`;
    yield {
      kind: 'tool-changed',
      of: name,
      sinceMs: recent.lasting(`tool ${nodeId}/${name}`)?.sinceMs,
      found: `tool ${name} of ${nodeId} is described otherwise than at first sight`,
      means: parts.changedAreBlocked()
        ? 'it is quarantined: calls of it are refused until somebody approves what it is now'
        : 'agents read a description that nobody here has looked at; it is still called, since `tools.changed` is not "block"',
      remedy: `look at it (\`village tools describe ${name}\`), then \`village tools approve ${name}\``,
    };
  }
}
