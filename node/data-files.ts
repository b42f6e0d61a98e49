import { existsSync } from 'node:fs';
import { join as pathJoin } from 'node:path';
import { VillageError } from '../src/kernel/index.ts';
import type { OfflineHandlers } from './admin/index.ts';
import { type Anchored, type AuditRecord, EMPTY_RECORD } from '../src/audit/index.ts';
import type { AuditLog, AuditOwner } from './audit/index.ts';
import type { FilesPort } from './cli/index.ts';
import { loadConfig } from './config/index.ts';
import { markRestored, policyOnDisk, stateOnDisk, writeNeed } from './governance/index.ts';
import { hostStores, lastAddresses } from './host/index.ts';
import { type NodeKeys, openNodeKeys } from './identity/index.ts';
import { governanceNamespace } from './open-governance.ts';
import { auditStore, openAudit } from './open-audit.ts';
import { witnessNamespace } from './open-witnesses.ts';
import { openIdentity } from './open-identity.ts';
import { type Database, openDataFolder } from './storage/index.ts';
import { agentVerbs, type AnchorSource, auditVerbs, inviteVerb, onRecord, tokenVerb } from './verbs/index.ts';
import { Village } from './village/index.ts';
import { storedAnchors, WitnessBook } from './witness/index.ts';

export class FilesError extends VillageError<'NO_VILLAGE'> {}

const SILENT = { report: () => undefined };

/**
 * Opens a data folder that no node is using; one that is not there is made where that may be. Errors: DATA_IN_USE, DATA_UNUSABLE,
 * NO_VILLAGE, and of its keys.
 */
export async function openFiles(dataDir: string, { mayMake }: { readonly mayMake: boolean }): Promise<FilesPort> {
  if (!mayMake && !existsSync(pathJoin(dataDir, 'store'))) throw noVillage();
  const folder = await openDataFolder(dataDir);
  try {
    const { database } = folder;
    const keys = openNodeKeys(dataDir, { create: true });
    const village = Village.open({ dataDir, keys, database, reporter: SILENT });
    const logs = new Map<string, Promise<AuditLog>>();
    const logOf = (villageId: string) => {
      const log =
        logs.get(villageId) ??
        openAudit({ dataDir, database, keys, villageId, reporter: SILENT }).then(({ log: opened }) => opened);
      logs.set(villageId, log);
      return log;
    };
    const opened = { dataDir, keys, database, logOf };
    const join = joinVerb(opened);
    const handlers = village === undefined ? withoutVillage(join) : await inVillage(village, { ...opened, join });
    const close = async () => {
      try {
        for (const log of logs.values()) await (await log).stop();
      } finally {
        await folder.close();
      }
    };
    return { handlers, close };
  } catch (error) {
    await folder.close();
    throw error;
  }
}

interface Opened {
  readonly dataDir: string;
  readonly keys: NodeKeys;
  readonly database: Database;
  /** The record of a village, continued when the first act is to go on it. */
  readonly logOf: (villageId: string) => Promise<AuditLog>;
}

async function inVillage(village: Village, opened: Opened & Pick<OfflineHandlers, 'join'>): Promise<OfflineHandlers> {
  const { dataDir, keys, database, logOf, join } = opened;
  const { villageId } = village;
  const statements = database.namespace(governanceNamespace(villageId));
  village.setPolicy(await policyOnDisk(statements, village.constitution));
  const identity = await openIdentity(village, opened);
  const { config } = await loadConfig({ dataDir, env: process.env }).catch(() => ({
    config: { defaultAgent: 'local' },
  }));
  const { stores } = hostStores(database, villageId);
  const owner = { villageId, nodeId: keys.nodeId, issuerKey: keys.issuerKey };
  const handlers: OfflineHandlers = {
    token: tokenVerb(identity.desk, config.defaultAgent),
    ...agentVerbs({
      ...identity,
      nodeId: keys.nodeId,
      policy: () => village.policy(),
      membership: () => village.membership(),
      forget: () => identity.desk.forget(),
      signerState: (voter) =>
        stateOnDisk(statements, { village: villageId, voter, key: village.policy().agentOf(voter)?.key ?? '' }),
      adopt: (state) => writeNeed(statements, state),
      distrust: (voter) => markRestored(statements, voter),
    }),
    invite: inviteVerb(village, () => lastAddresses(stores.host)),
    join,
    ...auditVerbs((await auditStore({ dataDir, database, villageId })).files, {
      ...owner,
      anchors: storedWords(opened, owner),
    }),
  };
  return onRecord(handlers, { log: () => logOf(villageId), defaultAgent: () => config.defaultAgent });
}

/** What witnesses signed that lies here; nobody is asked while no node runs. */
function storedWords({ database }: Opened, owner: AuditOwner): AnchorSource {
  const store = database.namespace(witnessNamespace(owner.villageId));
  return {
    ofOurs: async () => {
      const anchors: Anchored[] = [];
      for await (const { anchored } of storedAnchors(store, owner)) anchors.push(anchored);
      return { anchors, alone: true };
    },
    ofNode: async (nodeId) => {
      const book = await WitnessBook.open(store);
      return [...(await book.asideOf(nodeId)), ...(await book.anchorsOf(nodeId))];
    },
  };
}

function joinVerb({ dataDir, keys, database, logOf }: Opened): OfflineHandlers['join'] {
  return async ({ invite, leave }, { signal }) => {
    const options = { dataDir, keys, database, reporter: SILENT };
    const before = Village.open(options)?.villageId;
    const { villageId } = await Village.join(options, invite, { signal, leave });
    const joined = villageId !== before;
    const record: AuditRecord = { ...EMPTY_RECORD, method: 'join', target: villageId };
    if (joined) await (await logOf(villageId)).recordDurably(record);
    return { village_id: villageId, node_id: keys.nodeId, joined };
  };
}

function noVillage(): FilesError {
  return new FilesError('NO_VILLAGE', 'this data folder belongs to no village yet', {
    hint: '`village up` makes one, `village join INVITE` joins one',
  });
}

function withoutVillage(join: OfflineHandlers['join']): OfflineHandlers {
  const none = (): never => {
    throw noVillage();
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
    'audit.anchors': nothing,
    'audit.export': none,
  };
}
