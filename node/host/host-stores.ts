import type { Datastore } from 'interface-datastore';
import { z } from 'zod';
import { villageTag } from '../../src/constitution/index.ts';
import { text, utf8 } from '../../src/kernel/index.ts';
import { type Database, LevelDatabase, type Store } from '../storage/index.ts';
import type { HostOptions } from './host-options.ts';

/** Where a host keeps what it knows. Each village has its own peers; boot sequence and ports are the node's. */
export function hostStores(database: Database, villageId: string): Pick<HostOptions, 'stores' | 'datastore'> {
  const tag = villageTag(villageId);
  const datastore: Datastore | undefined =
    database instanceof LevelDatabase ? database.datastore(`libp2p-${tag}`) : undefined;
  return {
    stores: { host: database.namespace('host'), knownPeers: database.namespace(`known-peers-${tag}`) },
    datastore,
  };
}

const Addresses = z.array(z.string());
const LAST_ADDRESSES = 'addresses';

/** The addresses the host had when it last ran: what an invite can name while it does not. */
export async function lastAddresses(store: Store): Promise<readonly string[]> {
  const stored = await store.get(LAST_ADDRESSES);
  return stored === undefined ? [] : Addresses.parse(JSON.parse(text(stored)));
}

export async function rememberAddresses(addresses: readonly string[], store: Store): Promise<void> {
  await store.put(LAST_ADDRESSES, utf8(JSON.stringify(addresses)));
}
