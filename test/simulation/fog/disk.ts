import type {
  Deployment,
  Fence,
  JournaledPlacement,
  NodeEffect,
  OwnerBoot,
  OwnerEffect,
} from '../../../src/fog/index.ts';

type NodeWrite = Extract<NodeEffect, { kind: 'journal' | 'forget' | 'forget-fence' }>;
type OwnerWrite = Extract<OwnerEffect, { kind: 'journal' }>;
type Journaled = OwnerBoot['slots'][number];

/** What survives: only what was synced. */
export class Disk {
  bootSeq = 0;
  fences = new Map<string, Fence>();
  placements = new Map<string, JournaledPlacement>();
  deployments = new Map<string, Deployment>();
  slots = new Map<string, Journaled>();

  node(write: NodeWrite): void {
    if (write.kind === 'forget') this.placements.delete(write.placementId);
    else if (write.kind === 'forget-fence') this.fences.delete(write.slotKey);
    else {
      this.fences.set(write.slotKey, write.placement.fence);
      this.placements.set(write.placement.placementId, write.placement);
    }
  }

  owner({ entry }: OwnerWrite): void {
    switch (entry.kind) {
      case 'deployment':
        this.deployments.set(entry.deployment.deployment, entry.deployment);
        return;
      case 'removed':
        this.deployments.delete(entry.deployment);
        return;
      case 'attempt': {
        const { deployment, slot, holder } = entry;
        this.slots.set(`${deployment} ${slot}`, { deployment, slot, epoch: holder.epoch, holder });
        return;
      }
      case 'ended': {
        const { deployment, slot, epoch } = entry;
        const known = this.slots.get(`${deployment} ${slot}`);
        if (known?.epoch === epoch) this.slots.set(`${deployment} ${slot}`, { deployment, slot, epoch });
        return;
      }
    }
  }

  wipeNode(): void {
    this.bootSeq = 0;
    this.fences.clear();
    this.placements.clear();
  }
}
