export { askAdmission } from './ask-admission.ts';
export type { HostLimits, HostOptions } from './host-options.ts';
export type { MembershipDesk } from './greeter.ts';
export { describeGap, revisionGapOf } from './revision-gap.ts';
export { hostStores, lastAddresses } from './host-stores.ts';
export { Libp2pHost } from './libp2p-host.ts';
export type { AdmittedPeer, MeshHost, ProtocolSpec, StreamHandler } from './mesh-host.ts';
