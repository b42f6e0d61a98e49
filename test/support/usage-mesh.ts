import { systemClock } from '../../node/discovery/index.ts';
import type { Libp2pHost } from '../../node/host/index.ts';
import { UsageShare } from '../../node/usage/index.ts';
import { GuestList, newIdentity, type Reports, TestVillage } from './mesh-hosts.ts';

export const AGENT = 'sage';
export const TOOL = 'mesh_ping';

export interface SharingNode {
  readonly host: Libp2pHost;
  readonly guests: GuestList;
  readonly reports: Reports;
  readonly share: UsageShare;
}

/** Nodes that share limits over real libp2p on TCP. Each has a guest list of its own: whoever is not on it is hung up on. */
export class UsageMesh {
  readonly #village = new TestVillage();
  readonly #stops: (() => Promise<void>)[] = [];

  async start(): Promise<SharingNode> {
    const identity = newIdentity();
    const guests = new GuestList();
    guests.members.add(identity.nodeId);
    const limits = { redialFirstMs: 100, redialLongestMs: 300 };
    const { host, reports } = this.#village.make({ identity, membership: guests, transport: 'tcp', limits });
    const share = new UsageShare({ host, clock: systemClock, reporter: reports });
    this.#stops.push(() => share.stop());
    await host.start();
    share.start();
    return { host, guests, reports, share };
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0)) await stop();
    await this.#village.stop();
  }
}

/** Calls that a node admits when an agent asks it `times` at once, now. */
export function admittedAt({ share }: SharingNode, times: number, perMinute: number, tool = TOOL): number {
  const nowMs = systemClock.now();
  let count = 0;
  for (let call = 0; call < times; call += 1) {
    if (share.take(AGENT, tool, { perMinute, nowMs }) === 0) count += 1;
  }
  return count;
}
