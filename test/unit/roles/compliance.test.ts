import { describe, expect, test } from 'vitest';
import type { RoleTool } from '../../../node/backends/role.ts';
import { complianceAudit } from '../../../node/roles/governance/compliance.ts';
import type { AuditPort, GovernanceParts } from '../../../node/roles/governance/index.ts';
import type { AuditEntry } from '../../../src/audit/index.ts';
import { recordOf } from '../../support/audit.ts';

const DAY_MS = 24 * 3_600_000;
const beganMs = Date.parse('2026-05-01T08:00:00Z');
const entries: AuditEntry[] = [
  recordOf({ agentId: 'sage', target: 'look', durationMs: 2 }),
  recordOf({ agentId: 'sage', target: 'look', durationMs: 4 }),
  recordOf({ agentId: 'gardener', target: 'work', durationMs: 6, kind: 'serve' }),
  recordOf({ agentId: 'gardener', target: 'crown', outcome: 'denied', reason: 'level' }),
  recordOf({
    agentId: 'stranger',
    kind: 'refusal',
    method: '',
    target: 'token',
    outcome: 'denied',
    reason: 'expired',
    count: 40,
  }),
].map((record, index) => ({ ...record, seq: index + 1, atMs: beganMs + Math.floor(index / 2) * DAY_MS }));

const whole: Awaited<ReturnType<AuditPort['verify']>> = {
  ok: true,
  checked: 5,
  witnessed: { to: 3, by: ['B', 'C'], seenTo: { B: 3, C: 2 }, entriesSince: 2, sinceMs: beganMs },
};

async function audit(input: object, verdict = whole): Promise<Record<string, unknown>> {
  const parts = {
    audit: {
      window: async (_: unknown, { newest }: { newest: number }) => ({
        from: Math.max(1, entries.length - newest + 1),
        isWhole: newest >= entries.length,
      }),
      verify: async () => verdict,
      entries: async function* ({ from }: { from: number }) {
        yield* entries.slice(from - 1);
      },
    },
    desk: { proposals: () => [] },
  } as unknown as GovernanceParts;
  const tool: RoleTool = complianceAudit(parts);
  const outcome = await tool.handle(tool.input.parse(input), { signal: new AbortController().signal } as never);
  if (outcome.kind !== 'result') throw new Error('refused');
  expect(tool.output.parse(outcome.value)).toEqual(outcome.value);
  return outcome.value as Record<string, unknown>;
}

describe('compliance_audit', () => {
  test('counts what happened, by outcome, server, agent, tool and day, and how long calls took', async () => {
    expect(await audit({})).toMatchObject({
      entries: 44,
      by_outcome: { ok: 3, denied: 41 },
      refusals: { level: 1, expired: 40 },
      by_agent: { sage: 2, gardener: 2, stranger: 40 },
      by_tool: { look: 2, work: 1, crown: 1 },
      by_day: { '2026-05-01': 2, '2026-05-02': 2, '2026-05-03': 40 },
      duration_ms: { calls: 3, mean: 4, max: 6 },
      findings: ['1 calls above the level of their agent'],
    });
  });

  test('looks only at the agents, outcomes and tools it is asked about', async () => {
    expect(await audit({ agents: ['gardener'] })).toMatchObject({ entries: 2, by_tool: { work: 1, crown: 1 } });
    expect(await audit({ agents: ['gardener'], outcomes: ['ok'] })).toMatchObject({ entries: 1, refusals: {} });
    expect(await audit({ scope: ['look'] })).toMatchObject({ entries: 2, by_agent: { sage: 2 } });
    expect(await audit({ audit_type: 'security' })).toMatchObject({ entries: 41 });
  });

  test('looks at the newest entries only, and says so', async () => {
    const few = await audit({ newest: 2 });
    expect(few).toMatchObject({ entries: 41, covers: { from_entry: 4, whole: false } });
    expect(few['recommendations']).toContainEqual(expect.stringContaining('entries before 4 were not looked at'));
    expect(await audit({})).toMatchObject({ covers: { from_entry: 1, whole: true }, entries: 44 });
  });

  test('says how far other nodes vouch for the log, and finds it where none does', async () => {
    expect(await audit({})).toMatchObject({
      integrity: { intact: true, entries_checked: 5, witnessed_to: 3, witnesses: 2, unwitnessed_entries: 2 },
    });
    const alone = { ...whole, witnessed: { to: 0, by: [], seenTo: {}, entriesSince: 5, sinceMs: beganMs } };
    expect((await audit({}, alone))['findings']).toContain(
      'no other node vouches for this log: it could be rewritten whole',
    );
    const broken = await audit({}, { ok: false, checked: 2, problem: 'entry 3 was changed' });
    expect(broken['findings']).toContain('the log is not whole: entry 3 was changed');
  });
});
