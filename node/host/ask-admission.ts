import { noise } from '@chainsafe/libp2p-noise';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import type { Stream } from '@libp2p/interface';
import { memory } from '@libp2p/memory';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import { HostError } from './host-error.ts';
import { lazyTls } from './lazy-tls.ts';
import { addressOf } from './peer-address.ts';
import { quietLogger } from './quiet-logger.ts';
import { villageNames } from './village-protocols.ts';

export interface AskAdmissionOptions {
  readonly peerSeed: Uint8Array;
  readonly villageId: string;
  /** Of the one node that is asked; full multiaddrs with /p2p/ID. */
  readonly addresses: readonly string[];
  readonly protocol: { readonly name: string };
  readonly signal: AbortSignal;
}

/**
 * Dials a village from outside, under our own PeerId, and lets `ask` speak on one stream of an open protocol. Nothing
 * listens meanwhile and nothing stays. Errors: NODE_UNREACHABLE, ADDRESS_INVALID, and what `ask` throws.
 */
export async function askAdmission<Answer>(
  options: AskAdmissionOptions,
  ask: (stream: Stream) => Promise<Answer>,
): Promise<Answer> {
  const { peerSeed, villageId, addresses, protocol, signal } = options;
  const targets = addresses.map(addressOf);
  if (targets.length === 0) throw new HostError('NODE_UNREACHABLE', 'there is no address to dial');
  const caller = await createLibp2p({
    privateKey: await generateKeyPairFromSeed('Ed25519', peerSeed),
    logger: quietLogger,
    addresses: { listen: [] },
    transports: [tcp(), memory()],
    connectionEncrypters: [noise(), lazyTls()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
  });
  try {
    const stream = await openTo(() =>
      caller.dialProtocol(targets, villageNames(villageId).protocol(protocol.name), { signal }),
    );
    return await ask(stream);
  } finally {
    await caller.stop();
  }
}

async function openTo(open: () => Promise<Stream>): Promise<Stream> {
  try {
    return await open();
  } catch (cause) {
    throw new HostError('NODE_UNREACHABLE', 'no connection to the node', { cause });
  }
}
