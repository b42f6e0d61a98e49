import { callTroubles, type CallTroubleParts } from './call-troubles.ts';
import { meshTroubles, type MeshTroubleParts } from './mesh-troubles.ts';
import { recordTroubles, type RecordTroubleParts } from './record-troubles.ts';
import { serverTroubles, type ServerTroubleParts } from './server-troubles.ts';
import { standingTroubles, type StandingTroubleParts } from './standing-troubles.ts';
import type { Trouble } from './trouble.ts';

export { RecentTroubles } from './recent.ts';
export { shownTrouble, type Trouble, warningsIn } from './trouble.ts';

export interface TroubleParts {
  readonly servers: ServerTroubleParts;
  readonly calls: CallTroubleParts;
  readonly mesh: MeshTroubleParts;
  readonly record: RecordTroubleParts;
  readonly standing: StandingTroubleParts;
}

/** All that an operator of this node should know of now. */
export function troublesOf({ servers, calls, mesh, record, standing }: TroubleParts): readonly Trouble[] {
  return [
    ...standingTroubles(standing),
    ...serverTroubles(servers),
    ...callTroubles(calls),
    ...meshTroubles(mesh),
    ...recordTroubles(record),
  ];
}
