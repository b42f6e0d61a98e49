import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditEntry } from '../../src/audit/index.ts';
import { saltedSha256Hex } from '../../src/kernel/index.ts';
import { neverRan } from './agent.ts';
import { dataFolder, village } from '../support/process-node.ts';
import type { Book, CallRecord } from './book.ts';
import type { Member } from './mixed-village.ts';

/** What a kill may take with it: 20 ms by promise, and what it takes to send the answer and see it. */
const LOST_MS = 25;
/** An entry is written when its call ends; two clocks of one machine, read at two ends of a connection. */
const NEAR_MS = 2_000;
const LOST = 'lost with a kill, as promised';
const LONG = { timeoutMs: 180_000 };
/** Ends of which there need be no entry: nothing was called, or nobody was let in. */
const UNCHECKED: readonly string[] = ['INVALID_PARAMS', 'cut', 'unauthenticated', 'no-session'];

/** The entries of a node since the last look. */
async function newEntries(member: Member): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = [];
  const from = member.auditedTo + 1;
  if (member.isGone) {
    const { stdout } = await village(member.node.data, ['audit', 'export', '--json', '--from', String(from)], LONG);
    for (const line of stdout.split('\n')) if (line !== '') entries.push(JSON.parse(line) as AuditEntry);
  } else {
    const signal = AbortSignal.timeout(LONG.timeoutMs);
    for await (const entry of member.admin().stream('audit.export', { from }, { signal }))
      entries.push(entry as AuditEntry);
  }
  member.auditedTo = entries.at(-1)?.seq ?? member.auditedTo;
  return entries;
}

/** Holds the calls of a round against the audits of all nodes that were there in it. Nothing may be in flight. */
export async function checkAudits(members: readonly Member[], calls: readonly CallRecord[], book: Book): Promise<void> {
  const byAgent = new Map<string, AuditEntry[]>();
  const served = new Map<string, { readonly member: Member; readonly entry: AuditEntry }>();
  const asked = new Map<string, AuditEntry>();
  const byId = new Map(members.map((member) => [member.nodeId, member]));
  for (const member of members) {
    const from = member.auditedTo + 1;
    for (const entry of await newEntries(member)) {
      book.count(`audited: ${entry.kind}`);
      if (entry.kind === 'serve') served.set(`${member.nodeId} ${entry.callId}`, { member, entry });
      if (entry.kind !== 'call' || !entry.target.endsWith('say')) continue;
      asked.set(entry.callId, entry);
      byAgent.set(entry.agentId, [...(byAgent.get(entry.agentId) ?? []), entry]);
    }
    const { stdout } = await village(member.node.data, ['audit', 'verify', '--json', '--from', String(from)], LONG);
    if ((JSON.parse(stdout) as { ok: boolean }).ok) book.count('chains verified');
    else book.violation(`the chain of ${member.name} is broken: ${stdout}`);
  }
  const found = new Set<string>();
  for (const call of calls) {
    const home = members.find(({ name }) => name === call.node) as Member;
    const mine = (byAgent.get(call.agentId) ?? []).filter((entry) => isOf(entry, call));
    for (const entry of mine) found.add(entry.callId);
    checkCall(call, { mine, home, served, byId, book });
  }
  for (const entries of byAgent.values()) {
    for (const { callId, agentId, target } of entries) {
      if (!found.has(callId)) book.violation(`on record of ${agentId}, and never asked: ${target} ${callId}`);
    }
  }
  checkServed([...served.values()], { asked, byId, calls, book });
}

function isOf(entry: AuditEntry, { args, startMs, endMs }: CallRecord): boolean {
  if (entry.atMs < startMs - NEAR_MS || entry.atMs > endMs + NEAR_MS) return false;
  return saltedSha256Hex(Buffer.from(entry.callId, 'hex'), args) === entry.argumentsHash;
}

function checkCall(
  call: CallRecord,
  seen: {
    readonly mine: readonly AuditEntry[];
    readonly home: Member;
    readonly served: ReadonlyMap<string, { readonly entry: AuditEntry }>;
    readonly byId: ReadonlyMap<string, Member>;
    readonly book: Book;
  },
): void {
  const { mine, home, served, byId, book } = seen;
  const [entry] = mine;
  const where = `${call.agentId} ${call.alias} ${call.nonce} (${call.end})`;
  if (mine.length > 1) return book.violation(`${where}: on record ${mine.length} times`);
  if (entry === undefined) {
    if (UNCHECKED.includes(call.end)) return;
    const beforeMs = home.endedBeforeKillMs({ fromMs: call.startMs, toMs: call.endMs });
    return lost(`${where}: not on record at ${home.name}`, { beforeMs, book });
  }
  book.count('calls found in the audit');
  if (call.end === 'ok' && entry.outcome !== 'ok') book.violation(`${where}: on record as ${entry.outcome}`);
  if (entry.outcome !== 'ok' || entry.peer === home.nodeId || entry.peer === '') return;
  const there = byId.get(entry.peer);
  const other = served.get(`${entry.peer} ${entry.callId}`)?.entry;
  if (other?.argumentsHash === entry.argumentsHash) book.count('calls found in both audits');
  else {
    const beforeMs = there?.endedBeforeKillMs({ fromMs: entry.atMs - entry.durationMs, toMs: entry.atMs });
    lost(`${where}: not on record at ${there?.name ?? entry.peer}, which served it`, { beforeMs, book });
  }
}

/** `beforeMs`: how long before a kill it had ended. */
function lost(what: string, { beforeMs, book }: { readonly beforeMs: number | undefined; readonly book: Book }): void {
  if (beforeMs === undefined) return book.violation(what);
  if (beforeMs > LOST_MS)
    return book.violation(`${what}, ${beforeMs.toFixed(0)} ms before a kill, having had the processor`);
  book.count(LOST);
}

/** Who served a call can show who asked: it is on record there, or that node was killed before it had answered for 20 ms. */
function checkServed(
  served: readonly { readonly member: Member; readonly entry: AuditEntry }[],
  seen: {
    readonly asked: ReadonlyMap<string, AuditEntry>;
    readonly byId: ReadonlyMap<string, Member>;
    readonly calls: readonly CallRecord[];
    readonly book: Book;
  },
): void {
  const { asked, byId, calls, book } = seen;
  for (const { member, entry } of served) {
    if (!entry.target.endsWith('say') || asked.has(entry.callId)) continue;
    const home = byId.get(entry.peer);
    const where = `${member.name} served ${entry.callId} (${entry.outcome} ${entry.reason}) for ${home?.name ?? entry.peer}, which has it not`;
    const call = calls.find((one) => one.agentId === entry.agentId && isOf(entry, one));
    const beforeMs = call && home?.endedBeforeKillMs({ fromMs: call.startMs, toMs: call.endMs });
    lost(call === undefined ? `${where}: never asked` : `${where}: it came to ${call.end}`, { beforeMs, book });
  }
}

/** No call ran twice, none that succeeded did not run, and none ran of which its caller was told that it did not. Empties the file. */
export function checkRuns(ran: string, calls: readonly CallRecord[], book: Book): void {
  const times = new Map<string, number>();
  if (statSync(ran, { throwIfNoEntry: false }) === undefined) return;
  for (const nonce of readFileSync(ran, 'utf8').split('\n')) times.set(nonce, (times.get(nonce) ?? 0) + 1);
  truncateSync(ran);
  for (const call of calls) {
    const often = times.get(call.nonce) ?? 0;
    const where = `${call.agentId} ${call.alias} ${call.nonce} (${call.end})`;
    if (often > 1) book.violation(`${where}: ran ${often} times`);
    if (often === 0 && call.end === 'ok') book.violation(`${where}: never ran`);
    if (often > 0 && neverRan(call)) book.violation(`${where}: ran, though its caller was told that it did not`);
  }
}

/** Each log from its first entry on, and each pair of logs as `audit verify --against` compares them. */
export async function checkMatches(members: readonly Member[], book: Book): Promise<void> {
  const folder = dataFolder('exports');
  let unmatched = 0;
  for (const member of members) {
    const { stdout } = await village(member.node.data, ['audit', 'export', '--json'], LONG);
    writeFileSync(join(folder, member.name), stdout);
  }
  for (const member of members) {
    for (const other of members) {
      if (other === member) continue;
      const args = ['audit', 'verify', '--json', '--against', join(folder, other.name)];
      const { stdout } = await village(member.node.data, args, LONG);
      const { ok, against } = JSON.parse(stdout) as Verdict;
      const { matched, mismatches, intact } = against;
      book.count('calls matched between two logs', matched);
      if (!ok || !intact)
        book.violation(`the log of ${member.name} or ${other.name} is not whole: ${stdout.slice(0, 500)}`);
      for (const mismatch of mismatches) book.count(`between two logs: ${mismatch.kind}`);
      unmatched += mismatches.length;
    }
  }
  // Each is one that a round has already seen, from both ends.
  const wasLost = book.counts.get(LOST) ?? 0;
  if (unmatched > 2 * wasLost)
    book.violation(`${unmatched} calls do not match between two logs, and ${wasLost} were lost`);
  rmSync(folder, { recursive: true, force: true });
}

interface Verdict {
  readonly ok: boolean;
  readonly against: {
    readonly matched: number;
    readonly intact: boolean;
    readonly mismatches: readonly { readonly kind: string }[];
  };
}
