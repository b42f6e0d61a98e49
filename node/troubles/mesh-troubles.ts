import { type AdmittedPeer, describeGap } from '../host/index.ts';
import type { RecentTroubles } from './recent.ts';
import type { Trouble } from './trouble.ts';

export interface MeshTroubleParts {
  readonly admitted: () => ReadonlyMap<string, AdmittedPeer>;
  readonly recent: Pick<RecentTroubles, 'denied' | 'refused' | 'ignored'>;
  /** Whether this node has reason to look for others: it was invited, told where they are, or met some before. */
  readonly hasOthers: () => boolean;
}

const SKEW_MS = 30_000;

/** What stands between this node and others. */
export function* meshTroubles({ admitted, recent, hasOthers }: MeshTroubleParts): Iterable<Trouble> {
  const peers = [...admitted().values()];
  if (peers.length === 0 && hasOthers()) {
    yield {
      kind: 'no-peers',
      found: 'no other node of the village is connected',
      means: 'only what this node hosts can be used, nobody witnesses its audit log, and votes of others do not arrive',
      remedy:
        'see that they run and can be reached from here; `bootstrap` in village.json takes addresses to try first',
    };
  }
  yield* clocks(peers);
  for (const { nodeId, revisionGaps = [] } of peers) {
    for (const gap of revisionGaps) {
      yield {
        kind: 'peer-other-revision',
        of: nodeId,
        found: `${nodeId} speaks another revision of ${describeGap(gap)}`,
        means: 'what needs that protocol does not happen between the two nodes',
        remedy: 'update the older of the two nodes',
      };
    }
  }
  for (const { of, why, count, firstMs } of recent.denied()) {
    yield {
      kind: 'peer-denied',
      of,
      sinceMs: firstMs,
      found: `${count === 1 ? 'a call' : `${count} calls`} that ${of} asked for ${count === 1 ? 'was' : 'were'} refused (${why})`,
      means: 'its agents cannot use what this node serves as they try to',
      remedy:
        '`village audit tail` names the agents: see that they are known here (`village agents list`) and their tokens good',
    };
  }
  for (const { of, why, count, firstMs } of recent.refused()) {
    yield {
      kind: 'peer-refused',
      of,
      sinceMs: firstMs,
      found: `${of} was not let in${count === 1 ? '' : ` ${count} times`} (${why})`,
      means: 'it is no member of this village as far as this node knows, and nothing is shared with it',
      remedy: 'if it should be one, let it join with a new invite (`village invite`); if not, there is nothing to do',
    };
  }
  for (const { of, firstMs } of recent.ignored()) {
    yield {
      kind: 'revocation-ignored',
      of,
      sinceMs: firstMs,
      found: `a revocation signed by ${of} is not honoured`,
      means: 'it has too many in force already: tokens that it took back after that are still good here',
      remedy: 'revoke the agents instead of their tokens, or let the voters decide (`village gov propose`)',
    };
  }
}

/** Where most clocks differ from ours in one direction, it is ours that is wrong. */
function* clocks(peers: readonly AdmittedPeer[]): Iterable<Trouble> {
  const off = peers.filter(({ clockSkewMs = 0 }) => Math.abs(clockSkewMs) > SKEW_MS);
  const means = 'tokens, votes and leases seem to begin or end at the wrong time, and may be refused';
  const ahead = off.filter(({ clockSkewMs = 0 }) => clockSkewMs < 0).length;
  const most = Math.max(ahead, off.length - ahead);
  if (most >= 2 && most * 2 > peers.length) {
    const found = `the clock of this node is ${ahead === most ? 'ahead of' : 'behind'} those of ${most} of its ${peers.length} peers`;
    yield { kind: 'clock-differs', found, means, remedy: 'set it by NTP' };
    return;
  }
  for (const { nodeId, clockSkewMs = 0 } of off) {
    const found = `the clock of ${nodeId} differs from ours by ${Math.round(clockSkewMs / 1000)} s`;
    yield { kind: 'clock-differs', of: nodeId, found, means, remedy: 'set both by NTP' };
  }
}
