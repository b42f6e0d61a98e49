import type { RevisionGap } from '../../protocols/hello/index.ts';
import type { AdmittedPeer, ProtocolSpec } from './mesh-host.ts';

/** Why no stream of this protocol can be opened to `peer`; undefined: nothing speaks against it. */
export function revisionGapOf(
  peer: AdmittedPeer | undefined,
  { name }: Pick<ProtocolSpec, 'name'>,
): RevisionGap | undefined {
  const protocol = name.split('/')[0];
  return peer?.revisionGaps?.find((gap) => gap.protocol === protocol);
}

/** `mcp (2; here 1)` */
export function describeGap({ protocol, ours, theirs }: RevisionGap): string {
  return `${protocol} (${theirs.join()}; here ${ours.join()})`;
}
