import type { PeerId } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { HostError } from './host-error.ts';

/** Errors: ADDRESS_INVALID. */
export function peerIdOf(nodeId: string): PeerId {
  try {
    return peerIdFromString(nodeId);
  } catch (cause) {
    throw new HostError('ADDRESS_INVALID', 'that is no node id', { cause });
  }
}

/** Errors: ADDRESS_INVALID. */
export function addressOf(address: string): Multiaddr {
  try {
    return multiaddr(address);
  } catch (cause) {
    throw new HostError('ADDRESS_INVALID', `${address} is no multiaddr`, { cause });
  }
}
