import {
  type Approval,
  type Deployment,
  judgeNodes,
  needsVote,
  type Need,
  type Objection,
  objectTo,
  type OwnerState,
  roomOfAd,
  scoreOf,
  specDigest,
  subtract,
  total,
  trustOf,
  NO_TRUST,
  type Wanted,
} from '../../src/fog/index.ts';
import type { FogNode, NodeFilter, NodeRefusal, NodesFound, Plan } from './desk.ts';

const DEFAULT_LIMIT = 64;

/** What is known of nodes, and which of them have room now. */
export function nodesFor(state: OwnerState, filter: NodeFilter, nowMs: number): NodesFound {
  const filtered: Record<string, number> = {};
  const nodes: FogNode[] = [];
  for (const { ad, receivedMs } of state.ads.values()) {
    if (receivedMs + ad.ttlMs <= nowMs) continue;
    const self = ad.node === state.config.node;
    const peer = state.peers.get(ad.node);
    const trust = self ? 1_000 : trustOf(peer?.trust ?? NO_TRUST, nowMs);
    // Any artifact will do that the node can run: what is asked for is room.
    const artifact = ad.runtimes.find((runtime) => runtime.includes(':')) ?? 'role:agent';
    const need: Need = {
      res: filter.need,
      priority: 'normal',
      artifact,
      labels: { ...filter.labels },
      enforcement: [...(filter.enforcement ?? [])],
    };
    const objection = objectTo(need, roomOfAd(ad, trust));
    if (objection !== undefined) count(filtered, objection);
    else nodes.push({ nodeId: ad.node, self, ad, adAgeMs: nowMs - receivedMs, rttMs: self ? 0 : peer?.rttMs, trust });
  }
  nodes.sort((one, other) => other.ad.free.memMib - one.ad.free.memMib || (one.nodeId < other.nodeId ? -1 : 1));
  return { nodes: nodes.slice(0, filter.limit ?? DEFAULT_LIMIT), filtered };
}

/** Where the slots would go by what is known now: the best for each, one after the other. */
export function planFor(state: OwnerState, wanted: Wanted): Plan {
  const digest = specDigest(wanted.spec);
  const made: Deployment = { ...wanted, digest, term: 1, vote: 'not-needed', stopping: false, mapRev: 0 };
  const judged = judgeNodes(state, made, undefined);
  const filtered: Record<string, number> = {};
  const perNode: NodeRefusal[] = [];
  for (const { node, objection } of judged) {
    if (objection === undefined) continue;
    count(filtered, objection);
    perNode.push({ nodeId: node, code: objection.code, detail: objection.detail });
  }
  const left = new Map(
    judged.flatMap(({ node, objection, known }) => (objection === undefined ? [[node, known.ad.free] as const] : [])),
  );
  const { res } = wanted.spec;
  const scores = new Map(
    judged.map(({ node, candidate }) => [node, scoreOf(candidate, { res, spread: wanted.spread })]),
  );
  const used = new Map<string, number>();
  const distinct = wanted.spec.antiAffinity === 'hard' && left.size >= wanted.slots;
  const slots: { slot: number; nodeId: string }[] = [];
  for (let slot = 0; slot < wanted.slots; slot += 1) {
    const able = [...left].filter(([node, free]) => {
      const short = wanted.spec.res.memMib > free.memMib || wanted.spec.res.cpuMilli > free.cpuMilli;
      return !short && wanted.spec.res.gpus <= free.gpus && !(distinct && used.has(node));
    });
    able.sort(
      ([one], [other]) =>
        (used.get(one) ?? 0) - (used.get(other) ?? 0) ||
        (scores.get(other) ?? 0) - (scores.get(one) ?? 0) ||
        (one < other ? -1 : 1),
    );
    const [first] = able;
    if (first === undefined) break;
    const [nodeId, free] = first;
    slots.push({ slot, nodeId });
    used.set(nodeId, (used.get(nodeId) ?? 0) + 1);
    left.set(nodeId, subtract(free, wanted.spec.res));
  }
  const needs = votesFor(state, wanted);
  return {
    slots,
    filtered,
    perNode,
    needsVote: needs,
    approval: needs.length === 0 ? undefined : approvalFor(state, made),
  };
}

/** Why the village has to be asked: all that this node has without a vote, and would have, counts together. */
export function votesFor(state: OwnerState, wanted: Wanted): readonly string[] {
  const others = [...state.deployments.values()].filter(
    (one) => one.vote === 'not-needed' && !one.stopping && one.deployment !== wanted.deployment,
  );
  const all = [...others, wanted];
  const res = total(all.flatMap(({ spec, slots }) => Array.from({ length: slots }, () => spec.res)));
  const slots = all.reduce((sum, one) => sum + one.slots, 0);
  const { votePolicy: policy } = state.config;
  return needsVote(wanted.spec, { policy, totals: { res, slots }, publisherKnown: wanted.publisherKnown });
}

function approvalFor(
  state: OwnerState,
  { deployment, digest, spec, slots, term }: Deployment,
): Omit<Approval, 'notAfter'> {
  const maxTotal = total(Array.from({ length: slots }, () => spec.res));
  return { owner: state.config.node, deployment, specDigest: digest, maxTotal, maxSlots: slots, term };
}

function count(filtered: Record<string, number>, { code, dimension }: Objection): void {
  const key = dimension ?? code;
  filtered[key] = (filtered[key] ?? 0) + 1;
}
