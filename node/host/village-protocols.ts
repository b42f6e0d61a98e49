import { villageTag } from '../../src/constitution/index.ts';

/** Names as they travel: all carry a hash of the village's id, so that villages do not mix and outsiders read no more. */
export interface VillageNames {
  readonly tag: string;
  protocol(name: string): string;
  topic(name: string): string;
  /** Kad-DHT's protocol id. */
  readonly kad: string;
  /** mDNS service. */
  readonly mdns: string;
}

export function villageNames(villageId: string): VillageNames {
  const tag = villageTag(villageId);
  const path = (name: string): string => `/village/${tag}/${name}`;
  return { tag, protocol: path, topic: path, kad: path('kad/1.0.0'), mdns: `_village-${tag}._udp.local` };
}
