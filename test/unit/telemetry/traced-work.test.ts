import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DeploymentView } from '../../../node/fog/desk.ts';
import { tracedDeploy } from '../../../node/fog/traced-deploy.ts';
import { type GovernanceDesk, type ProposalView, tracedDesk } from '../../../node/governance/index.ts';
import { createEventBus, type EventBus, SpanExporter, tracedWork } from '../../../node/telemetry/index.ts';
import { attributesOf, Collector, type ReceivedSpan } from '../../support/collector.ts';
import { agentNamed } from '../../support/router-network.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const SAMPLED = `00-${TRACE}-${PARENT}-01`;
const UNSAMPLED = `00-${TRACE}-${PARENT}-00`;

let collector: Collector;
let bus: EventBus;
let exporter: SpanExporter;
beforeEach(async () => {
  collector = await Collector.listen();
  bus = createEventBus();
  const { endpoint } = collector;
  const by = { nodeId: 'here', version: '1' };
  exporter = new SpanExporter(bus, { endpoint, headers: () => ({}), by, timeoutMs: 2_000 });
});
afterEach(() => collector.close());

/** What the collector has when all is sent, and that nothing of it is against its rules. */
async function received(): Promise<readonly ReceivedSpan[]> {
  await exporter.stop({ graceMs: 2_000 });
  expect(collector.problems).toEqual([]);
  return collector.spans;
}

test('what is part of no traced call is no span and costs nothing', () => {
  for (const traceparent of [undefined, UNSAMPLED, 'nonsense'])
    expect(tracedWork(bus, { traceparent, name: 'work', agent: 'ann' })).toBeUndefined();
});

describe('the search for a place', () => {
  const principal = agentNamed('ann');
  const slot = { owner: 'here', deployment: 'shard', slot: 3 };
  const step = { atMs: 0, of: 'slot', id: 'here/shard/3', slot, detail: 'the words of a remote' } as const;
  const view = (...statuses: string[]) => ({
    kind: 'done' as const,
    value: { deployment: 'shard', shards: statuses.map((status) => ({ status })) } as unknown as DeploymentView,
  });

  test('is a span of its call, with one for each step of a slot', async () => {
    const deploy = tracedDeploy(bus, { traceparent: SAMPLED, principal });
    deploy?.changed({ ...step, from: 'pending', to: 'reserving', because: 'best-offer', peer: 'there' });
    deploy?.changed({ ...step, from: 'reserving', to: 'running', because: 'answered' });
    deploy?.ended(view('running', 'starting'));
    const spans = await received();
    const [whole] = spans.filter(({ parentSpanId }) => parentSpanId === PARENT);
    expect(whole).toMatchObject({ traceId: TRACE, name: 'fog deploy', kind: 1, flags: 0x101, status: {} });
    expect(attributesOf(whole as ReceivedSpan)).toMatchObject({ 'village.agent': 'ann', 'village.fog.slots': '2' });
    const steps = spans.filter(({ parentSpanId }) => parentSpanId === whole?.spanId);
    expect(steps.map(({ name }) => name)).toEqual(['fog slot reserving', 'fog slot running']);
    expect(attributesOf(steps[0] as ReceivedSpan)).toMatchObject({
      'village.peer': 'there',
      'village.fog.from': 'pending',
      'village.fog.because': 'best-offer',
      'village.fog.slot': '3',
    });
    expect(collector.received.map(({ body }) => body).join('')).not.toContain('words of a remote');
  });

  test('ends as it ended', async () => {
    const refusal = { code: 'NO_CANDIDATE', message: '', retryable: true, perNode: [] } as const;
    tracedDeploy(bus, { traceparent: SAMPLED, principal })?.ended({ kind: 'refused', refusal });
    tracedDeploy(bus, { traceparent: SAMPLED, principal })?.ended(view('running', 'awaiting_vote'));
    const spans = await received();
    expect(spans.map((span) => attributesOf(span)['error.type'])).toEqual(['NO_CANDIDATE', 'awaiting_vote']);
    expect(spans.map(({ status }) => status)).toEqual([{ code: 2 }, { code: 2 }]);
  });
});

describe('an act of a voter', () => {
  const by = { agentId: 'sage', homeNode: 'here', issuedAtMs: 0 };
  const { signal } = new AbortController();
  const asked = { proposalId: 'p1', vote: 'approve', reasoning: 'secret', conditions: [], final: false } as const;
  const desk = (vote: GovernanceDesk['vote']) => tracedDesk({ vote } as unknown as GovernanceDesk, bus);
  const proposal = { proposal_id: 'p1', status: 'voting_ongoing' } as unknown as ProposalView;

  test('is a span of its call, and answers what it answers', async () => {
    const acted = { kind: 'done', value: proposal } as const;
    const traced = desk(() => Promise.resolve(acted));
    expect(await traced.vote(asked, by, { signal, traceparent: SAMPLED })).toBe(acted);
    expect(await traced.vote(asked, by, { signal })).toBe(acted);
    const [span, other] = await received();
    expect(other).toBeUndefined();
    expect(span).toMatchObject({ parentSpanId: PARENT, name: 'governance vote', kind: 1, status: {} });
    expect(attributesOf(span as ReceivedSpan)).toMatchObject({
      'village.agent': 'sage',
      'village.proposal': 'p1',
      'village.proposal.status': 'voting_ongoing',
    });
    expect(collector.received.map(({ body }) => body).join('')).not.toContain('secret');
  });

  test('that is refused, or fails, is so in its span', async () => {
    const refusal = { code: 'NOT_A_VOTER', message: 'no' } as const;
    await desk(() => Promise.resolve({ kind: 'refused', refusal })).vote(asked, by, { signal, traceparent: SAMPLED });
    const failing = desk(() => Promise.reject(new Error('the disk')));
    await expect(failing.vote(asked, by, { signal, traceparent: SAMPLED })).rejects.toThrow('the disk');
    const spans = await received();
    expect(spans.map((span) => attributesOf(span)['error.type'])).toEqual(['NOT_A_VOTER', 'failed']);
  });
});
