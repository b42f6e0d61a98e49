import type { Principal } from '../../../src/permissions/index.ts';
import type { Service, ToolEntry } from '../../../src/routing/index.ts';
import type { Directory } from '../../discovery/index.ts';
import type { MeshHost } from '../../host/mesh-host.ts';

/** What the P2P role looks at and acts through. */
export interface P2pParts {
  readonly host: Pick<MeshHost, 'nodeId' | 'addresses' | 'admitted' | 'connections' | 'onAdmitted' | 'onGone'>;
  readonly directory: Pick<Directory, 'catalogue' | 'nodes' | 'own' | 'meet' | 'want' | 'lookAround' | 'onCatalogue'>;
  readonly villageId: string;
  /** Whether this agent finds the tool in its list: what it may not use, it is not told of. */
  readonly mayUse: (principal: Principal, entry: ToolEntry) => boolean;
  /** The service with as much of what it says of itself as agents may read. */
  readonly shown: (service: Service) => Service;
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
  readonly startedAtMs: number;
}
