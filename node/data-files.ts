import { VillageError } from '../src/kernel/index.ts';
import type { OfflineHandlers } from './admin/index.ts';
import { segmented } from './audit/index.ts';
import type { FilesPort } from './cli/index.ts';
import { loadConfig } from './config/index.ts';
import { stateOnDisk, writeNeed } from './governance/index.ts';
import { hostStores, lastAddresses } from './host/index.ts';
import { type NodeKeys, openNodeKeys } from './identity/index.ts';
import { governanceNamespace } from './open-governance.ts';
import { openIdentity } from './open-identity.ts';
import { type Database, openDataFolder } from './storage/index.ts';
import { agentVerbs, auditVerbs, inviteVerb, tokenVerb } from './verbs/index.ts';
import { Village } from './village/index.ts';

export class FilesError extends VillageError<'NO_VILLAGE'> {}

const SILENT = { report: () => undefined };

/** Opens a data folder that no node is using. Errors: DATA_IN_USE, DATA_UNUSABLE, and of its keys. */
export async function openFiles(dataDir: string): Promise<FilesPort> {
  const folder = await openDataFolder(dataDir);
  try {
    const { database } = folder;
    const keys = openNodeKeys(dataDir, { create: true });
    const village = Village.open({ dataDir, keys, database, reporter: SILENT });
    const join = joinVerb({ dataDir, keys, database });
    const handlers =
      village === undefined ? withoutVillage(join) : await inVillage(village, { dataDir, keys, database, join });
    return { handlers, close: () => folder.close() };
  } catch (error) {
    await folder.close();
    throw error;
  }
}

interface Opened {
  readonly dataDir: string;
  readonly keys: NodeKeys;
  readonly database: Database;
}

async function inVillage(village: Village, opened: Opened & Pick<OfflineHandlers, 'join'>): Promise<OfflineHandlers> {
  const { dataDir, keys, database, join } = opened;
  const { villageId, constitution } = village;
  const identity = await openIdentity(village, opened);
  const { config } = await loadConfig({ dataDir, env: process.env }).catch(() => ({
    config: { defaultAgent: 'local' },
  }));
  const { stores } = hostStores(database, villageId);
  const statements = database.namespace(governanceNamespace(villageId));
  return {
    token: tokenVerb(identity.desk, config.defaultAgent),
    ...agentVerbs({
      ...identity,
      nodeId: keys.nodeId,
      constitution,
      policy: () => village.policy(),
      membership: () => village.membership(),
      forget: () => identity.desk.forget(),
      signerState: (voter) =>
        stateOnDisk(statements, { village: villageId, voter, key: constitution.voters[voter] ?? '' }),
      adopt: (state) => writeNeed(statements, state),
    }),
    invite: inviteVerb(village, () => lastAddresses(stores.host)),
    join,
    ...auditVerbs(segmented(database.namespace(`audit-${villageId.slice(0, 16)}`)), {
      villageId,
      nodeId: keys.nodeId,
      issuerKey: keys.issuerKey,
    }),
  };
}

function joinVerb({ dataDir, keys, database }: Opened): OfflineHandlers['join'] {
  return async ({ invite, leave }, { signal }) => {
    const options = { dataDir, keys, database, reporter: SILENT };
    const before = Village.open(options)?.villageId;
    const { villageId } = await Village.join(options, invite, { signal, leave });
    return { village_id: villageId, node_id: keys.nodeId, joined: villageId !== before };
  };
}

function withoutVillage(join: OfflineHandlers['join']): OfflineHandlers {
  const none = (): never => {
    throw new FilesError('NO_VILLAGE', 'this data folder belongs to no village yet', {
      hint: '`village up` makes one, `village join INVITE` joins one',
    });
  };
  const nothing = async (): Promise<never> => none();
  return {
    token: nothing,
    'agents.list': nothing,
    'agents.add': nothing,
    'agents.key.export': nothing,
    'agents.key.import': nothing,
    invite: nothing,
    join,
    'audit.verify': nothing,
    'audit.export': none,
  };
}
