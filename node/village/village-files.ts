import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { Constitution } from '../../src/constitution/index.ts';
import { canonicalJson } from '../../src/kernel/index.ts';
import { readPrivateFile, writePrivateFile } from '../identity/index.ts';
import { makeFolder } from '../files/index.ts';
import { VillageStateError } from './village-error.ts';

/** What a data folder knows of its village. */
export interface VillageRecord {
  readonly constitution: Constitution;
  /** Our credentials, leaf first; empty for the founder. */
  readonly chain: readonly string[];
  /** Where the member that invited us was. */
  readonly inviterAddresses: readonly string[];
}

const MembershipFile = z.strictObject({
  format: z.literal(1),
  chain: z.array(z.string()),
  inviter_addresses: z.array(z.string()),
});

const CURRENT = 'village';
const JOINING = 'village.joining';

/** The village of a folder; undefined: none yet. Errors: VILLAGE_DAMAGED, and those of private files. */
export function readVillage(dataDir: string): VillageRecord | undefined {
  finishJoining(dataDir);
  const constitution = readJson(join(dataDir, CURRENT, 'constitution.json'), Constitution);
  if (constitution === undefined) return undefined;
  const membership = readJson(join(dataDir, CURRENT, 'membership.json'), MembershipFile);
  if (membership === undefined)
    throw new VillageStateError('VILLAGE_DAMAGED', `${dataDir} has lost its membership.json`);
  return { constitution, chain: membership.chain, inviterAddresses: membership.inviter_addresses };
}

/** Gives a folder without a village one. */
export function writeVillage(dataDir: string, village: VillageRecord): void {
  writeMembership(join(dataDir, CURRENT), village);
  // Last: a folder has a village when it has a constitution.
  writePrivateFile(join(dataDir, CURRENT, 'constitution.json'), canonicalJson(village.constitution));
}

export function writeRenewedChain(dataDir: string, village: VillageRecord): void {
  writeMembership(join(dataDir, CURRENT), village);
}

/**
 * Puts `village` in the place of the folder's village, which is kept beside it, agents' keys included. A crash at any time
 * leaves the one or the other; answers where the old one went.
 */
export function replaceVillage(dataDir: string, village: VillageRecord, date: string): string {
  const joining = join(dataDir, JOINING);
  writeMembership(joining, village);
  writePrivateFile(join(joining, 'constitution.json'), canonicalJson(village.constitution));
  const archive = freeName(join(dataDir, `${CURRENT}.archived-${date}`));
  renameSync(join(dataDir, CURRENT), archive);
  finishJoining(dataDir);
  return archive;
}

/** Ends a change of villages: also one that a crash broke off after the old village was put away. */
function finishJoining(dataDir: string): void {
  const current = join(dataDir, CURRENT);
  const joining = join(dataDir, JOINING);
  if (existsSync(current) || !existsSync(join(joining, 'constitution.json'))) return;
  archiveAgentKeys(dataDir);
  renameSync(joining, current);
}

// `sage` of the old village is not `sage` of the new one: its key must not be found under that name.
function archiveAgentKeys(dataDir: string): void {
  const keys = join(dataDir, 'keys', 'agents');
  if (existsSync(keys)) renameSync(keys, freeName(join(dataDir, 'keys', 'agents.archived')));
}

function writeMembership(folder: string, { chain, inviterAddresses }: VillageRecord): void {
  makeFolder(folder);
  const file = { format: 1, chain, inviter_addresses: inviterAddresses };
  writePrivateFile(join(folder, 'membership.json'), `${JSON.stringify(file, null, 2)}\n`);
}

function readJson<Shape extends z.ZodType>(path: string, shape: Shape): z.infer<Shape> | undefined {
  const content = readPrivateFile(path);
  if (content === undefined) return undefined;
  try {
    return shape.parse(JSON.parse(content));
  } catch (cause) {
    throw new VillageStateError('VILLAGE_DAMAGED', `${path} cannot be understood`, {
      cause,
      hint: 'put it back from a backup, or join again with --leave',
    });
  }
}

function freeName(wanted: string): string {
  let name = wanted;
  for (let count = 2; existsSync(name); count += 1) name = `${wanted}-${count}`;
  return name;
}
