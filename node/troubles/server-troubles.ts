import type { Hosting } from '../backends/index.ts';
import { type ChangedPart, type DefinitionPins, nameOfPart } from '../pins/index.ts';
import type { PartKind } from '../../src/routing/index.ts';
import type { Router } from '../router/index.ts';
import { redacted } from '../telemetry/index.ts';
import type { RecentTroubles } from './recent.ts';
import type { Trouble } from './trouble.ts';

export interface ServerTroubleParts {
  readonly hosting: Pick<Hosting, 'servers'>;
  readonly router: Pick<Router, 'missing'>;
  readonly pins: Pick<DefinitionPins, 'changed'>;
  /** Whether the village's rules have a changed tool refused until it is approved. */
  readonly changedAreBlocked: () => boolean;
  readonly recent: Pick<RecentTroubles, 'lasting'>;
}

/** Servers that agents could count on and cannot, and parts of servers that are not what they were. */
export function* serverTroubles(parts: ServerTroubleParts): Iterable<Trouble> {
  const { hosting, router, recent } = parts;
  yield* unlistedServers(parts);
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
  yield* changedParts(parts);
}

/** Of one node: whoever changes very much hides nothing else that is the matter. */
const MOST_CHANGED_OF_NODE = 16;

function* changedParts(parts: ServerTroubleParts): Iterable<Trouble> {
  for (const [nodeId, all] of Map.groupBy(parts.pins.changed(), (part) => part.nodeId)) {
    for (const part of all.slice(0, MOST_CHANGED_OF_NODE)) yield changed(part, parts);
    const next = all[MOST_CHANGED_OF_NODE];
    if (next === undefined) continue;
    yield {
      kind: `${next.kind}-changed`,
      of: nodeId,
      found: `${all.length - MOST_CHANGED_OF_NODE} more parts of servers of ${nodeId} are described otherwise than at first sight`,
      means: 'each is treated as those that are named, and named once those are approved',
      remedy: `ask who runs ${nodeId} why so much changed, then look at those that are named`,
    };
  }
}

const LOOK_AT: Readonly<Record<PartKind, (name: string) => string>> = {
  tool: (name) => `\`village tools describe ${name}\``,
  prompt: () => 'the list of prompts, as any client shows it',
  template: () => 'the list of resource templates, as any client shows it',
  resource: () => 'the list of resources, as any client shows it',
  instructions: (name) => `the instructions, name, title and description that ${name} gives itself`,
};

function changed(part: ChangedPart, { recent, changedAreBlocked }: ServerTroubleParts): Trouble {
  const { nodeId, kind } = part;
  const name = nameOfPart(part);
  const whatIs = kind === 'instructions' ? `what ${name} of ${nodeId} says of itself` : `${kind} ${name} of ${nodeId}`;
  const [refused, used] =
    kind === 'instructions' ? ['agents are not shown it', 'shown'] : ['calls of it are refused', 'called'];
  return {
    kind: `${kind}-changed`,
    of: name,
    sinceMs: recent.lasting(`${kind} ${nodeId}/${name}`)?.sinceMs,
    found: `${whatIs} is described otherwise than at first sight`,
    means: changedAreBlocked()
      ? `it is quarantined: ${refused} until somebody approves what it is now`
      : `agents read a description that nobody here has looked at; it is still ${used}, since \`tools.changed\` is not "block"`,
    remedy: `look at it (${LOOK_AT[kind](name)}), then \`village tools approve ${name}\``,
  };
}

/** Servers that run, and whose definition is too large to be told of. */
function* unlistedServers({ hosting, router, recent }: ServerTroubleParts): Iterable<Trouble> {
  const missing = new Set(router.missing().flatMap(({ server, node }) => (node === undefined ? [server] : [])));
  for (const server of hosting.servers()) {
    const { alias } = server;
    const lasting = recent.lasting(`unlisted ${alias}`);
    if (lasting === undefined || server.state().state !== 'healthy') continue;
    yield {
      kind: 'server-unlisted',
      of: alias,
      sinceMs: lasting.sinceMs,
      found: `server ${alias} runs and is in no list: there are too many servers here, or it has too many tools, or too long ones`,
      means: missing.has(alias)
        ? 'none of its tools can be called, here or from other nodes'
        : 'its tools can be called here, and other nodes do not hear of them',
      remedy:
        'let it offer fewer tools or shorter descriptions and schemas, or divide it among several entries or nodes',
    };
  }
}
