import type { Router } from '../router/index.ts';
import type { RecentTroubles } from './recent.ts';
import type { Trouble } from './trouble.ts';

export interface CallTroubleParts {
  readonly router: Pick<Router, 'avoided' | 'quarantined'>;
  readonly recent: Pick<RecentTroubles, 'lasting' | 'badTokens'>;
  readonly nodeId: string;
  /** Unix milliseconds at 0 of the clock of calls. */
  readonly epochMs: () => number;
}

/** A client that asks again and again with a token that is over is worth a word; one mistake is not. */
const MANY_REFUSALS = 10;

/** What keeps calls from being made though there is somebody who could answer them. */
export function* callTroubles({ router, recent, nodeId, epochMs }: CallTroubleParts): Iterable<Trouble> {
  for (const avoided of router.avoided()) {
    const where = avoided.nodeId === nodeId ? 'this node' : avoided.nodeId;
    const { server } = avoided;
    const about = { of: `${server} on ${where}`, sinceMs: Math.round(epochMs() + avoided.sinceMs) };
    const remedy =
      avoided.nodeId === nodeId
        ? `see how the server is (\`village servers\`)`
        : `see whether that node is connected (\`village peers\`) and what its \`village status\` says`;
    if (avoided.because === 'failures') {
      yield {
        kind: 'replica-failing',
        ...about,
        remedy: `nothing, if it passes: one call at a time tries it; else ${remedy}`,
        found: `calls to ${server} on ${where} failed one after the other`,
        means:
          'calls go to other nodes that serve it; where there are none, they go there all the same and mostly fail',
      };
    } else {
      yield {
        kind: 'replica-ejected',
        ...about,
        remedy: `nothing, if it passes; else ${remedy}`,
        found: `${server} on ${where} does worse than on the other nodes that serve it`,
        means: `it is given no calls until ${new Date(epochMs() + avoided.untilMs).toISOString()}, the others are`,
      };
    }
  }
  const overload = recent.lasting('overload');
  if (overload !== undefined) {
    yield {
      kind: 'overload',
      sinceMs: overload.sinceMs,
      found: `this node has more to do than it bears, and turns away the ${overload.problem === '1' ? 'lowest level' : `${overload.problem} lowest levels`}`,
      means:
        'their calls are answered RATE_LIMITED with a time to come again; emergency tools are served last of all that is given up',
      remedy:
        'give it less to do or more to do it with: another node that serves the same servers, or higher limits.overload if the machine is idle',
    };
  }
  for (const { agent, peer } of router.quarantined()) {
    yield {
      kind: 'agent-quarantined',
      of: peer === '' ? agent : `${agent} by ${peer}`,
      sinceMs: recent.lasting(`agent ${peer}/${agent}`)?.sinceMs,
      found: `${agent} is in quarantine on this node${peer === '' ? '' : ` for what ${peer} sends in its name`}`,
      means:
        peer === ''
          ? 'too many of its calls looked dangerous within ten minutes: its calls here are refused for an hour, but for those of `p2p` and `governance`'
          : 'too many of those calls looked dangerous within ten minutes: they are refused for an hour; its calls here and by other nodes are not',
      remedy: `look at what it asked for (\`village audit tail\`); to lift it at once, propose a \`threat.pardoned\` that names it`,
    };
  }
  for (const { of: stage, why, count, firstMs } of recent.badTokens()) {
    if (count < MANY_REFUSALS) continue;
    yield {
      kind: 'tokens-refused',
      of: why,
      sinceMs: firstMs,
      found: `${count} requests were refused for their token (${stage}: ${why})`,
      means:
        why === 'exp'
          ? 'a client goes on with a token whose time is over'
          : 'a client goes on with a token that is not good here',
      remedy:
        'give it a new one (`village token`), or let it use `village connect`, which renews its own; `village audit tail` shows from where they come',
    };
  }
}
