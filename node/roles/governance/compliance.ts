import { z } from 'zod';
import { AUDIT_OUTCOMES, type AuditEntry } from '../../../src/audit/index.ts';
import { result, type RoleTool, roleTool } from '../../backends/role.ts';
import type { GovernanceParts } from './ports.ts';

const When = z.iso.datetime({ offset: true });
const Counted = z.record(z.string(), z.int());
/** What can be read while somebody waits: a tool answers within 200 ms. */
const NEWEST = 2_000;
/** More names than an agent would read; the rest is one number. */
const MAX_NAMES = 100;

/** Which entries each kind of audit is about. */
const ABOUT: Readonly<Record<string, (entry: AuditEntry) => boolean>> = {
  security: ({ kind, outcome }) => kind === 'refusal' || kind === 'admission' || outcome === 'denied',
  governance: ({ kind, server }) => kind === 'governance' || server === 'governance',
  privacy: ({ server, target }) => server === 'twin' || server === 'hyperrag' || target.startsWith('knowledge_'),
  full: () => true,
};

export function complianceAudit({ audit, desk }: GovernanceParts): RoleTool {
  return roleTool({
    name: 'compliance_audit',
    title: 'Audit this node',
    description:
      'Checks that the audit log of your node is whole (no entry changed, removed or moved), and counts what happened in it: calls, refusals and why, by server and agent. Of this node alone; ask elsewhere for other nodes. It reads the newest entries only, and says under `covers` how far back: a larger `newest` reads further, in about a second for 30,000.',
    input: z.strictObject({
      audit_type: z.enum(['privacy', 'security', 'governance', 'full']).default('full'),
      scope: z.array(z.string().max(128)).max(64).default([]).describe('servers or tools; all by default'),
      time_range: z.strictObject({ start: When.optional(), end: When.optional() }).default({}),
      agents: z.array(z.string().max(128)).max(64).default([]).describe('only what these agents did; all by default'),
      outcomes: z.array(z.enum(AUDIT_OUTCOMES)).max(AUDIT_OUTCOMES.length).default([]).describe('all by default'),
      newest: z
        .int()
        .min(1)
        .max(100_000_000)
        .default(NEWEST)
        .describe('how many entries to look at, from the end of the log'),
      include_recommendations: z.boolean().default(true),
    }),
    output: z.object({
      audit_type: z.string(),
      covers: z.object({
        from_entry: z.int(),
        whole: z.boolean().describe('false: older entries of what was asked for were not looked at'),
      }),
      integrity: z.object({
        intact: z.boolean(),
        entries_checked: z.int(),
        problem: z.string().optional(),
        witnessed_to: z
          .int()
          .describe('the last of these entries that another node has countersigned; 0: none')
          .optional(),
        witnesses: z.int().optional(),
        unwitnessed_entries: z.int().describe('entries for which this node alone vouches').optional(),
      }),
      entries: z.int(),
      by_outcome: Counted,
      refusals: Counted.describe('by reason'),
      by_server: Counted,
      by_agent: Counted,
      by_tool: Counted,
      by_day: Counted.describe('UTC'),
      duration_ms: z.object({ calls: z.int(), mean: z.number(), max: z.number() }),
      decisions: z.object({ open: z.int(), approved: z.int(), rejected: z.int(), disputed: z.int() }),
      findings: z.array(z.string()),
      recommendations: z.array(z.string()).optional(),
    }),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    handle: async (
      {
        audit_type: type,
        scope,
        agents,
        outcomes,
        time_range: { start, end },
        newest,
        include_recommendations: advise,
      },
      { signal },
    ) => {
      const range = await audit.window({ from: start, to: end }, { newest, signal });
      const integrity = await audit.verify(range, { signal });
      const wanted = ABOUT[type] ?? ABOUT['full'];
      const counts = {
        entries: 0,
        outcome: tally(),
        reason: tally(),
        server: tally(),
        agent: tally(),
        tool: tally(),
        day: tally(),
      };
      const calls = { calls: 0, total: 0, max: 0 };
      for await (const entry of audit.entries(range, { signal })) {
        if (wanted?.(entry) !== true) continue;
        if (scope.length > 0 && !scope.includes(entry.server) && !scope.includes(entry.target)) continue;
        if (agents.length > 0 && !agents.includes(entry.agentId)) continue;
        if (outcomes.length > 0 && !outcomes.includes(entry.outcome)) continue;
        counts.entries += entry.count;
        counts.outcome.add(entry.outcome, entry.count);
        if (entry.outcome === 'denied') counts.reason.add(entry.reason, entry.count);
        if (entry.server !== '') counts.server.add(entry.server, entry.count);
        if (entry.agentId !== '') counts.agent.add(entry.agentId, entry.count);
        counts.day.add(new Date(entry.atMs).toISOString().slice(0, 10), entry.count);
        if (entry.method !== 'tools/call' || (entry.kind !== 'call' && entry.kind !== 'serve')) continue;
        counts.tool.add(entry.target, entry.count);
        if (entry.outcome === 'denied') continue;
        calls.calls += 1;
        calls.total += entry.durationMs;
        calls.max = Math.max(calls.max, entry.durationMs);
      }
      const proposals = desk.proposals();
      const having = (...words: string[]) => proposals.filter(({ status }) => words.includes(status)).length;
      const disputed = proposals.filter((proposal) => proposal.disputed).length;
      const findings = [
        ...(integrity.ok ? [] : [`the log is not whole: ${integrity.problem ?? 'an entry is damaged'}`]),
        ...(range.isWhole && start === undefined && end === undefined && integrity.witnessed?.to === 0
          ? ['no other node vouches for this log: it could be rewritten whole']
          : []),
        ...(disputed === 0 ? [] : [`${disputed} proposals in which a voter signed two different things`]),
        ...(counts.reason.of('level') > 0 ? [`${counts.reason.of('level')} calls above the level of their agent`] : []),
      ];
      return result({
        audit_type: type,
        covers: { from_entry: range.from, whole: range.isWhole },
        integrity: {
          intact: integrity.ok,
          entries_checked: integrity.checked,
          ...(integrity.problem === undefined ? {} : { problem: integrity.problem }),
          ...(integrity.witnessed === undefined
            ? {}
            : {
                witnessed_to: integrity.witnessed.to,
                witnesses: integrity.witnessed.by.length,
                unwitnessed_entries: integrity.witnessed.entriesSince,
              }),
        },
        entries: counts.entries,
        by_outcome: counts.outcome.top(),
        refusals: counts.reason.top(),
        by_server: counts.server.top(),
        by_agent: counts.agent.top(),
        by_tool: counts.tool.top(),
        by_day: counts.day.top(),
        duration_ms: { calls: calls.calls, mean: calls.calls === 0 ? 0 : calls.total / calls.calls, max: calls.max },
        decisions: {
          open: having('created', 'voting_ongoing'),
          approved: having('approved', 'executed', 'failed', 'superseded', 'suppressed'),
          rejected: having('rejected', 'expired'),
          disputed,
        },
        findings,
        ...(advise
          ? {
              recommendations: [
                ...(findings.length === 0
                  ? []
                  : ['look at the entries with `village audit tail` and `village audit verify`']),
                ...(range.isWhole
                  ? []
                  : [
                      `entries before ${range.from} were not looked at: give a larger \`newest\`, or run \`village audit verify\``,
                    ]),
              ],
            }
          : {}),
      });
    },
  });
}

function tally() {
  const counts = new Map<string, number>();
  let others = 0;
  return {
    add(name: string, count: number): void {
      if (counts.has(name) || counts.size < 10 * MAX_NAMES) counts.set(name, (counts.get(name) ?? 0) + count);
      else others += count;
    },
    of: (name: string): number => counts.get(name) ?? 0,
    /** The most frequent. */
    top(): Record<string, number> {
      const sorted = [...counts].sort(([, one], [, other]) => other - one);
      const rest = sorted.slice(MAX_NAMES).reduce((sum, [, count]) => sum + count, others);
      return { ...Object.fromEntries(sorted.slice(0, MAX_NAMES)), ...(rest === 0 ? {} : { '(others)': rest }) };
    },
  };
}
