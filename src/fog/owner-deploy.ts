import type { OwnerTurn } from './owner-turn.ts';
import { dropBid } from './owner-bid.ts';
import { release } from './owner-hold.ts';
import { type Deployment, epochKey, type OwnerState, type Wanted } from './owner-state.ts';
import { isBounded, total } from './resources.ts';
import type { Objection } from './room.ts';
import { specDigest } from './spec.ts';
import { type Approval, needsVote, type Totals } from './vote.ts';

/** What stands against a deployment, before anything is done for it. */
export function objectToDeploy(state: OwnerState, wanted: Wanted): Objection | undefined {
  const known = state.deployments.get(wanted.deployment);
  const { slotsPerDeployment } = state.config.limits;
  if (wanted.slots < 1 || wanted.slots > slotsPerDeployment)
    return { code: 'REFUSED_POLICY', detail: `1 to ${slotsPerDeployment} slots` };
  if (!isBounded(wanted.spec.res))
    return { code: 'REFUSED_POLICY', detail: 'a shard needs a share of a core and memory' };
  if (known?.stopping === true) return { code: 'CONFLICT', detail: 'it is being stopped' };
  if (known !== undefined && (known.digest !== specDigest(wanted.spec) || known.slots !== wanted.slots))
    return { code: 'CONFLICT', detail: 'a deployment of that name runs something else' };
  return undefined;
}

export function deploy(turn: OwnerTurn, wanted: Wanted): void {
  if (objectToDeploy(turn.state, wanted) !== undefined || turn.deployment(wanted.deployment) !== undefined) return;
  const digest = specDigest(wanted.spec);
  const reasons = voteReasons(turn, wanted);
  const vote = reasons.length === 0 ? 'not-needed' : 'awaited';
  const deployment: Deployment = { ...wanted, digest, term: 1, vote, stopping: false, mapRev: 0 };
  turn.putDeployment(deployment);
  turn.journal({ kind: 'deployment', deployment });
  for (let slot = 0; slot < wanted.slots; slot += 1) {
    const at = { deployment: wanted.deployment, slot };
    const epoch = turn.state.epochs.get(epochKey(wanted.deployment, slot)) ?? 0;
    turn.put(at, { epoch, state: vote === 'awaited' ? 'awaiting_vote' : 'pending' }, 'deployed');
  }
  if (vote === 'awaited') askVillage(turn, deployment, reasons);
}

/** All that the owner has without a vote counts together with what it wants. */
function voteReasons(turn: OwnerTurn, wanted: Wanted): readonly string[] {
  const others = [...turn.state.deployments.values()].filter(
    ({ vote, stopping }) => vote === 'not-needed' && !stopping,
  );
  const all = [...others, wanted];
  const totals: Totals = {
    res: total(all.map(totalOf)),
    slots: all.reduce((sum, { slots }) => sum + slots, 0),
  };
  const { publisherKnown, spec } = wanted;
  return needsVote(spec, { policy: turn.config.votePolicy, totals, publisherKnown });
}

function totalOf({ spec, slots }: Pick<Wanted, 'spec' | 'slots'>): Totals['res'] {
  return total(Array.from({ length: slots }, () => spec.res));
}

export function askVillage(turn: OwnerTurn, deployment: Deployment, reasons: readonly string[] = []): void {
  const approval = {
    owner: turn.config.node,
    deployment: deployment.deployment,
    specDigest: deployment.digest,
    maxTotal: totalOf(deployment),
    maxSlots: deployment.slots,
    term: deployment.term,
  };
  turn.effects.push({ kind: 'vote', deployment: deployment.deployment, reasons, approval });
}

/** A node knows of more than its owner does: it is asked for what the owner thought was not needed. */
export function voteAfterAll(turn: OwnerTurn, reservationId: string, detail: string): void {
  const at = turn.all().find((one) => {
    const slot = turn.slot(one);
    return slot?.bid?.reservationId === reservationId || slot?.holder?.reservationId === reservationId;
  });
  const deployment = at === undefined ? undefined : turn.deployment(at.deployment);
  if (deployment?.vote !== 'not-needed') return;
  const asked: Deployment = { ...deployment, vote: 'awaited' };
  turn.putDeployment(asked);
  turn.journal({ kind: 'deployment', deployment: asked });
  askVillage(turn, asked, [detail]);
}

export function voted(turn: OwnerTurn, id: string, approval: Approval | null): void {
  const deployment = turn.deployment(id);
  if (deployment?.vote !== 'awaited') return;
  const next: Deployment =
    approval === null ? { ...deployment, vote: 'rejected' } : { ...deployment, vote: 'approved', approval };
  turn.putDeployment(next);
  turn.journal({ kind: 'deployment', deployment: next });
  for (const at of turn.all().filter((one) => one.deployment === id))
    if (turn.slot(at)?.state === 'awaiting_vote')
      turn.put(at, { state: approval === null ? 'failed' : 'pending' }, approval === null ? 'rejected' : 'approved');
}

export function stop(turn: OwnerTurn, id: string, graceMs: number): void {
  const deployment = turn.deployment(id);
  if (deployment === undefined || deployment.stopping) return;
  const stopping = { ...deployment, stopping: true };
  turn.putDeployment(stopping);
  turn.journal({ kind: 'deployment', deployment: stopping });
  for (const at of turn.all().filter((one) => one.deployment === id)) {
    dropBid(turn, at);
    if (turn.slot(at)?.holder === undefined) turn.put(at, { state: 'released' }, 'stopped');
    else release(turn, at, graceMs);
  }
}

/** Everything of it has ended: it is forgotten, but for its epochs. */
export function finish(turn: OwnerTurn, { deployment, stopping }: Deployment): void {
  if (!stopping) return;
  const slots = [...(turn.state.slots.get(deployment)?.values() ?? [])];
  if (slots.some(({ holder }) => holder !== undefined)) return;
  turn.record({ of: 'deployment', id: deployment, from: 'stopping', to: 'removed', because: 'stopped' });
  turn.dropDeployment(deployment);
  turn.journal({ kind: 'removed', deployment });
}
