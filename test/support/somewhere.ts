import { multiaddr } from '@multiformats/multiaddr';

const address = { remoteAddr: multiaddr('/ip4/127.0.0.1/tcp/4001') };

/** For `streamPair`: without an address a pair takes its number for a port, and a fuzzer makes more pairs than there are ports. */
export const SOMEWHERE = { outboundConnection: address, inboundConnection: address };
