import { describe, expect, test } from 'vitest';
import type { HostedServer } from '../../../node/backends/backend.ts';
import type { AdmittedPeer } from '../../../node/host/index.ts';
import { createEventBus, type EventBus } from '../../../node/telemetry/index.ts';
import { RecentTroubles, shownTrouble, troublesOf, type Trouble, warningsIn } from '../../../node/troubles/index.ts';

const NOW = Date.UTC(2030, 0, 1);
const DAY = 24 * 3_600_000;
type Parts = Parameters<typeof troublesOf>[0];

interface Given {
  readonly servers?: readonly Partial<ReturnType<HostedServer['state']> & { alias: string; kind: 'url' | 'stdio' }>[];
  readonly missing?: ReturnType<Parts['servers']['router']['missing']>;
  readonly changed?: ReturnType<Parts['servers']['pins']['changed']>;
  readonly blocked?: boolean;
  readonly avoided?: ReturnType<Parts['calls']['router']['avoided']>;
  readonly quarantined?: readonly { readonly agent: string; readonly peer: string }[];
  readonly peers?: readonly Partial<AdmittedPeer>[];
  readonly others?: boolean;
  readonly failure?: Error;
  readonly freeBytes?: number | undefined;
  readonly unwitnessed?: { readonly entries: number; readonly seconds: number };
  readonly witnesses?: Partial<ReturnType<Parts['record']['witnesses']>>;
  readonly standing?: Partial<Parts['standing']>;
  readonly tell?: (bus: EventBus) => void;
}

/** A node with nothing amiss but what is given. */
function troubles(given: Given = {}): readonly Trouble[] {
  const bus = createEventBus();
  const recent = new RecentTroubles(bus, () => NOW);
  given.tell?.(bus);
  const { peers = [{ nodeId: 'peer-1' }] } = given;
  const server = (about: NonNullable<Given['servers']>[number]) =>
    ({
      alias: 's',
      kind: 'stdio',
      ...about,
      state: () => ({ state: 'healthy', since: NOW, ...about }),
    }) as unknown as HostedServer;
  return troublesOf({
    servers: {
      hosting: { servers: () => (given.servers ?? [{}]).map(server) },
      router: { missing: () => [...(given.missing ?? [])] },
      pins: { changed: () => given.changed ?? [] },
      changedAreBlocked: () => given.blocked ?? false,
      recent,
    },
    calls: {
      router: { avoided: () => given.avoided ?? [], quarantined: () => given.quarantined ?? [] },
      recent,
      nodeId: 'here',
      epochMs: () => NOW - 100_000,
    },
    mesh: {
      admitted: () => new Map(peers.map((peer) => [peer.nodeId ?? '', peer as AdmittedPeer])),
      recent,
      hasOthers: () => given.others ?? false,
    },
    record: {
      recent,
      failure: () => given.failure,
      freeBytes: () => ('freeBytes' in given ? given.freeBytes : 1e12),
      unwitnessed: () => given.unwitnessed ?? { entries: 1, seconds: 1 },
      witnesses: () => ({
        ...{ witnessedTo: 1, witnessedAtMs: NOW, witnesses: 1, contradicted: [], evidence: [] },
        ...given.witnesses,
      }),
      everySeconds: () => 30,
      peers: () => peers.length,
    },
    standing: {
      village: { standing: () => ({ kind: 'member', membership: { expiresAtMs: NOW + 20 * DAY } }) as never },
      policy: () => ({ agentOf: () => undefined, value: () => undefined }),
      voters: () => ['ann'],
      certificateEndsMs: () => NOW + 90 * DAY,
      plainGateway: () => undefined,
      governance: { warnings: () => [] },
      fog: { troubles: () => [] },
      tracing: undefined,
      recent,
      now: () => NOW,
      ...given.standing,
    },
  });
}

/** The one trouble there is. */
function only(given: Given): Trouble {
  const found = troubles(given);
  expect(found.map(({ kind }) => kind)).toHaveLength(1);
  const [trouble] = found as [Trouble];
  expect(trouble.means).not.toBe('');
  expect(trouble.remedy).not.toBe('');
  return trouble;
}

test('a node with nothing amiss has no troubles', () => {
  expect(troubles()).toEqual([]);
});

describe('a server', () => {
  test('that is down is told with the last that it said, since it first was, without what is secret', () => {
    const secret = `eyJhbGciOiJFZERTQSJ9.${'a'.repeat(20)}.${'b'.repeat(20)}`;
    const problem = `exit 3: the token ${secret} was refused`;
    const trouble = only({
      servers: [{ alias: 'files', state: 'down', problem, since: NOW - 5 }],
      tell: (bus) => bus.report('server.state', { server: 'files', state: 'down' }),
    });
    expect(trouble).toMatchObject({ kind: 'server-down', of: 'files', sinceMs: NOW });
    expect(trouble.found).toBe('server files is down: exit 3: the token [secret] was refused');
    expect(trouble.remedy).toContain('mcpServers.files');
  });

  test('that is just being started again is down all the same, until it is healthy', () => {
    const tell = (bus: EventBus): void =>
      bus.report('server.state', { server: 'files', state: 'down', problem: 'exit 3' });
    const servers = [{ alias: 'files', state: 'starting', since: NOW }] as const;
    expect(only({ servers, tell }).found).toBe('server files is down: exit 3');
    expect(troubles({ servers })).toEqual([]);
  });

  test('at a URL has another remedy than one that is a process', () => {
    const servers = [{ alias: 'far', kind: 'url', state: 'degraded', since: NOW - 5 }] as const;
    const trouble = only({ servers });
    expect(trouble).toMatchObject({ kind: 'server-degraded', sinceMs: NOW - 5 });
    expect(trouble.remedy).toContain('`url`');
  });

  test('of another node that went is told, one of this node is not told twice', () => {
    const since = '2029-12-31T23:00:00.000Z';
    const missing = [
      { server: 'far', node: 'peer-2', since, problem: 'its node left' },
      { server: 'own', since },
    ];
    expect(only({ missing })).toMatchObject({ kind: 'server-missing', of: 'far', sinceMs: Date.parse(since) });
  });

  test('that runs and is too large to be listed is told, until it offers something else', () => {
    const servers = [{ alias: 'huge' }];
    const tell = (bus: EventBus): void => bus.report('directory.unlisted', { server: 'huge' });
    const away = only({ servers, tell, missing: [{ server: 'huge', since: '2029-12-31T23:00:00.000Z' }] });
    expect(away).toMatchObject({ kind: 'server-unlisted', of: 'huge', sinceMs: NOW });
    expect(away.means).toContain('none of its tools can be called');
    expect(only({ servers, tell }).means).toContain('its tools can be called here');

    const changed = (bus: EventBus): void => {
      tell(bus);
      bus.report('server.definition', { server: 'huge', tools: 1, hash: '' });
    };
    expect(troubles({ servers, tell: changed })).toEqual([]);
  });
});

test.each([
  [true, 'refused'],
  [false, 'still called'],
])('a tool that changed says whether it is quarantined: %j', (blocked, means) => {
  const one = { nodeId: 'p', server: 's', kind: 'tool', name: 't', was: 'a', is: 'b' } as const;
  const trouble = only({
    changed: [{ ...one, definitionHash: '' }],
    blocked,
    tell: (bus) => bus.report('tool.changed', { ...one, peer: 'p' }),
  });
  expect(trouble).toMatchObject({ kind: 'tool-changed', of: 's__t', sinceMs: NOW });
  expect(trouble.means).toContain(means);
  expect(trouble.remedy).toContain('village tools approve s__t');
});

test.each([
  ['prompt', 't', 's__t', 'calls of it are refused'],
  ['template', 'x://{y}', 's__x://{y}', 'calls of it are refused'],
  ['instructions', '', 's', 'not shown'],
] as const)('of a server whose %s changed is told what is approved under which name', (kind, name, of, means) => {
  const one = { nodeId: 'p', server: 's', kind, name, was: 'a', is: 'b' };
  const trouble = only({
    changed: [{ ...one, definitionHash: '' }],
    blocked: true,
    tell: (bus) => bus.report('tool.changed', { ...one, peer: 'p' }),
  });
  expect(trouble).toMatchObject({ kind: `${kind}-changed`, of, sinceMs: NOW });
  expect(trouble.means).toContain(means);
  expect(trouble.remedy).toContain(`village tools approve ${of}`);
});

test('of a node that changed very much some is told, and how much more there is; what others changed is told too', () => {
  const changedBy = (nodeId: string, count: number) =>
    Array.from({ length: count }, (_, nth) => {
      return { nodeId, server: 's', kind: 'tool', name: `t${nth}`, was: 'a', is: 'b', definitionHash: '' } as const;
    });
  const found = troubles({ changed: [...changedBy('liar', 5_000), ...changedBy('other', 1)] });
  expect(found).toHaveLength(18);
  expect(found[16]).toMatchObject({ kind: 'tool-changed', of: 'liar' });
  expect(found[16]?.found).toContain('4984 more');
  expect(found[17]?.found).toContain('tool s__t0 of other');
});

describe('a place of a server', () => {
  test('whose calls fail is told with when that began', () => {
    const avoided = [{ because: 'failures', sinceMs: 40_000, nodeId: 'peer-1', server: 's' }] as const;
    expect(only({ avoided })).toMatchObject({ kind: 'replica-failing', of: 's on peer-1', sinceMs: NOW - 60_000 });
  });

  test('that does worse than its siblings is told with until when it is left alone', () => {
    const avoided = [
      { because: 'worse-than-its-siblings', sinceMs: 90_000, untilMs: 105_000, nodeId: 'here', server: 's' },
    ] as const;
    const trouble = only({ avoided });
    expect(trouble).toMatchObject({ kind: 'replica-ejected', of: 's on this node', sinceMs: NOW - 10_000 });
    expect(trouble.means).toContain(new Date(NOW + 5_000).toISOString());
  });
});

test('calls turned away are told with how many levels, and since when', () => {
  const tell = (levels: number) => (bus: EventBus) =>
    bus.report('overload.changed', { levels, delay: 0, inFlight: 0, memory: 0 });
  expect(only({ tell: tell(1) })).toMatchObject({ kind: 'overload', sinceMs: NOW });
  expect(only({ tell: tell(1) }).found).toMatch(/the lowest level$/);
  expect(only({ tell: tell(3) }).found).toMatch(/the 3 lowest levels$/);
});

test('an agent in quarantine is told with what lifts it', () => {
  const trouble = only({
    quarantined: [{ agent: 'eve', peer: '' }],
    tell: (bus) => bus.report('threat.quarantined', { agent: 'eve', peer: '' }),
  });
  expect(trouble).toMatchObject({ kind: 'agent-quarantined', of: 'eve', sinceMs: NOW });
  expect(only({ quarantined: [{ agent: 'eve', peer: 'liar' }] })).toMatchObject({ of: 'eve by liar' });
  expect(trouble.remedy).toContain('threat.pardoned');
});

test('a client that goes on with a token that ended is told of, one mistake is not', () => {
  const refuse = (count: number) => (bus: EventBus) => {
    for (let nth = 0; nth < count; nth += 1) bus.report('call.refused', { stage: 'authenticate', reason: 'exp' });
  };
  expect(troubles({ tell: refuse(9) })).toEqual([]);
  const trouble = only({ tell: refuse(10) });
  expect(trouble).toMatchObject({ kind: 'tokens-refused', of: 'exp', sinceMs: NOW });
  expect(trouble.means).toContain('whose time is over');
});

test('names in the lists of the threat rules that nobody has are told of, each with its list', () => {
  const lists: Record<string, string[]> = {
    'threat.quarantined': ['ann', 'local', 'local@Q3xK9a2Z'],
    'threat.pardoned': ['Ann Oy'],
  };
  const agentOf = (name: string) => (name === 'ann' ? { key: 'k', level: 'READ_ONLY', role: 'agent' } : undefined);
  const policy = () => ({ agentOf, value: (key: string) => lists[key] }) as never;
  const found = troubles({ standing: { policy } });
  expect(found.map(({ kind, of }) => [kind, of])).toEqual([
    ['policy-names-nobody', 'threat.quarantined local'],
    ['policy-names-nobody', 'threat.pardoned Ann Oy'],
  ]);
});

describe('other nodes', () => {
  test('are missed where there should be some, and not where there are none', () => {
    expect(only({ peers: [], others: true })).toMatchObject({ kind: 'no-peers' });
  });

  test('whose calls are refused are told with the reason', () => {
    const tell = (bus: EventBus): void =>
      bus.report('peer.denied', { peer: 'p', reason: 'delegation-refused', because: 'unknown-agent' });
    const trouble = only({ tell });
    expect(trouble).toMatchObject({ kind: 'peer-denied', of: 'p', sinceMs: NOW });
    expect(trouble.found).toContain('unknown-agent');
  });

  test('that are not let in, and signers that revoke too much, are told', () => {
    const refused = (bus: EventBus): void => bus.report('peer.refused', { peer: 'p', reason: 'not-a-member' });
    expect(only({ tell: refused })).toMatchObject({ kind: 'peer-refused', of: 'p' });
    const full = (bus: EventBus): void => bus.report('revocation.full', { by: 'p' });
    expect(only({ tell: full })).toMatchObject({ kind: 'revocation-ignored', of: 'p' });
  });

  test('at another revision are told', () => {
    const revisionGaps = [{ protocol: 'mcp', ours: [1], theirs: [2] }] as never;
    expect(only({ peers: [{ nodeId: 'p', revisionGaps }] })).toMatchObject({ kind: 'peer-other-revision', of: 'p' });
  });

  test('with another clock: the one whose clock differs, and where most do, this node', () => {
    const peer = (nodeId: string, clockSkewMs: number) => ({ nodeId, clockSkewMs });
    const one = only({ peers: [peer('a', 40_000), peer('b', 0), peer('c', 100)] });
    expect(one).toMatchObject({ kind: 'clock-differs', of: 'a' });
    // Of two clocks nobody can say which is wrong: the other is named.
    expect(only({ peers: [peer('a', 40_000)] }).of).toBe('a');
    const ours = only({ peers: [peer('a', -40_000), peer('b', -41_000), peer('c', 0)] });
    expect(ours.of).toBeUndefined();
    expect(ours.found).toBe('the clock of this node is ahead of those of 2 of its 3 peers');
    expect(only({ peers: [peer('a', 40_000), peer('b', 41_000)] }).found).toContain('behind');
  });
});

describe('the record', () => {
  test('that cannot be written is told with why, and since when', () => {
    const trouble = only({
      failure: new Error('ENOSPC'),
      tell: (bus) => bus.report('background.failed', { area: 'audit', error: new Error('ENOSPC') }),
    });
    expect(trouble).toMatchObject({ kind: 'audit-unwritable', sinceMs: NOW });
    expect(trouble.found).toContain('ENOSPC');
  });

  test('whose disk is nearly full is told before it is', () => {
    expect(only({ freeBytes: 255.9 * 1024 ** 2 })).toMatchObject({ kind: 'disk-low' });
    expect(only({ freeBytes: 255.9 * 1024 ** 2 }).found).toContain('255 MiB');
    expect(troubles({ freeBytes: 256 * 1024 ** 2 })).toEqual([]);
    expect(troubles({ freeBytes: undefined })).toEqual([]);
  });

  test('that witnesses contradict is told with who and where', () => {
    const contradicted = [{ by: 'p', kind: 'rolled-back', seq: 7 }] as const;
    expect(only({ witnesses: { contradicted } })).toMatchObject({ kind: 'audit-contradicted', of: 'p' });
    const evidence = [{ node: 'q', kind: 'fork', seq: 9 }] as never;
    expect(only({ witnesses: { evidence } })).toMatchObject({ kind: 'audit-of-another', of: 'q' });
  });

  test('that nobody countersigns for ten times as long as it may wait is told', () => {
    expect(troubles({ unwitnessed: { entries: 5, seconds: 299 } })).toEqual([]);
    expect(only({ unwitnessed: { entries: 5, seconds: 300 } })).toMatchObject({ kind: 'audit-unwitnessed' });
    expect(troubles({ unwitnessed: { entries: 0, seconds: 9_999 } })).toEqual([]);
  });

  test('of a village of one has no witness: that is a note, and no warning', () => {
    const given = { peers: [], witnesses: { witnesses: 0, witnessedTo: 0 } };
    expect(only(given)).toMatchObject({ kind: 'audit-alone', isNote: true });
    expect(warningsIn(troubles(given))).toEqual([]);
  });

  test('of work that failed unseen is told by area', () => {
    const tell = (bus: EventBus): void => bus.report('background.failed', { area: 'pins', error: new Error('x') });
    expect(only({ tell })).toMatchObject({ kind: 'background-failures', of: 'pins', sinceMs: NOW });
  });
});

describe('what a node is and was told to be', () => {
  test('a configuration or a certificate that cannot be used is told until it can', () => {
    const broken = (bus: EventBus): void => bus.report('config.invalid', { problem: 'unknown key `x`' });
    expect(only({ tell: broken })).toMatchObject({ kind: 'config-unusable', sinceMs: NOW });
    expect(only({ tell: broken }).found).toContain('unknown key `x`');
    const refused = (bus: EventBus): void => bus.report('gateway.certificate-refused', { problem: 'no PEM' });
    expect(only({ tell: refused })).toMatchObject({ kind: 'certificate-unusable', sinceMs: NOW });
  });

  test('a certificate is told of two weeks before it ends, and otherwise when it has', () => {
    const at = (days: number) => ({ standing: { certificateEndsMs: () => NOW + days * DAY } });
    expect(troubles(at(15))).toEqual([]);
    expect(only(at(13)).means).toContain('after that');
    expect(only(at(-1))).toMatchObject({ kind: 'certificate-ending', means: 'clients refuse to connect' });
  });

  test('a gateway that speaks plain HTTP to others is noted', () => {
    const plain = only({ standing: { plainGateway: () => '0.0.0.0:7117' } });
    expect(plain).toMatchObject({ kind: 'gateway-plain', of: '0.0.0.0:7117', isNote: true });
    expect(plain.found).toContain('insecureGatewayBind');
  });

  test('a membership is told of when its renewal is overdue, and when it is gone', () => {
    const member = (days: number) => ({
      standing: {
        village: { standing: () => ({ kind: 'member', membership: { expiresAtMs: NOW + days * DAY } }) as never },
      },
    });
    expect(troubles(member(6))).toEqual([]);
    expect(only(member(4))).toMatchObject({ kind: 'membership-ending' });
    const standing = () => ({ kind: 'refused', because: 'evicted' }) as never;
    const gone = only({ standing: { village: { standing } } });
    expect(gone).toMatchObject({ kind: 'membership-ended' });
    expect(gone.found).toContain('evicted');
  });

  test('votes in one hand, and what governance and fog say, are told', () => {
    expect(only({ standing: { voters: () => ['ann', 'ben'] } })).toMatchObject({ kind: 'voters-together' });
    const halted = 'ann does not vote here: her key signs elsewhere';
    expect(only({ standing: { governance: { warnings: () => [halted] } } }).found).toBe(halted);
    expect(only({ standing: { fog: { troubles: () => ['fog: the disk failed'] } } }).kind).toBe('fog');
  });

  test('traces that do not arrive are told with what is lost', () => {
    const failing = { sinceMs: NOW - 1, problem: 'the collector answered 401' };
    const figures = { exported: 1, queued: 0, dropped: { full: 1, refused: 2, unreached: 3 } };
    expect(troubles({ standing: { tracing: () => ({ ...figures, failing: undefined }) } })).toEqual([]);
    const trouble = only({ standing: { tracing: () => ({ ...figures, failing }) } });
    expect(trouble).toMatchObject({ kind: 'telemetry-failing', sinceMs: NOW - 1 });
    expect(trouble.means).toContain('6 spans');
  });
});

test('a trouble is shown with its time as text, and as one line of warning', () => {
  const trouble = only({ peers: [], others: true });
  expect(shownTrouble({ ...trouble, sinceMs: NOW }).since).toBe('2030-01-01T00:00:00.000Z');
  expect(warningsIn([trouble])).toEqual([`${trouble.found}: ${trouble.remedy}`]);
});
