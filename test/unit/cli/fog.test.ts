import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { show } from '../../../node/cli/verbs/fog-act.ts';
import { nodesTable, planText, shardsTable } from '../../../node/cli/verbs/fog-tables.ts';
import { Terminal } from '../../../node/cli/terminal.ts';

function shown(
  answered: Parameters<typeof show>[0],
  { json }: { json: boolean },
): { code: number; out: string; err: string } {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = show(answered, {
    terminal: new Terminal(stdout, stderr, json),
    text: ({ status }) => `it is ${String(status)}`,
  });
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

test.each([
  ['running', 0],
  ['starting', 0],
  ['awaiting_vote', 0],
  ['stopped', 0],
  ['blocked', 1],
  ['failed', 1],
  ['unknown', 3],
])('a deployment that is %s ends with %i', (status, code) => {
  expect(shown({ kind: 'done', value: { status } }, { json: false })).toEqual({
    code,
    out: `it is ${status}\n`,
    err: '',
  });
});

test('a refusal is said on stderr, or with all its detail as the error of --json', () => {
  const value = { code: 'INSUFFICIENT', message: 'too little', retryable: true, per_node: [{ node_id: 'n' }] };
  expect(shown({ kind: 'refused', value }, { json: false })).toEqual({
    code: 1,
    out: '',
    err: 'INSUFFICIENT: too little\n',
  });
  const { code, out } = shown({ kind: 'refused', value }, { json: true });
  expect({ code, ...(JSON.parse(out) as object) }).toEqual({ code: 1, error: value });
});

test('tables show the end of ids, free of all, and no escape of another node’s making', () => {
  const node = {
    node_id: '12D3KooWabcdefgh',
    self: true,
    free: { cpu_cores: 1.5, memory_gb: 2, gpus: 0 },
    capacity: { cpu_cores: 4, memory_gb: 8, gpus: 0 },
    shards: 1,
    max_shards: 64,
    enforcement: ['watchdog'],
    rtt_ms: null,
  };
  const nodes = nodesTable({ available_nodes: [node], filtered: { memory_gb: 2 } }, { wide: false });
  expect(nodes.split('\n')).toEqual([
    'node             cores  gib  gpus  shards  holds     rtt ms',
    'abcdefgh (here)  1.5/4  2/8  0/0   1/64    watchdog',
    'not listed: 2 memory_gb',
  ]);
  const shard = {
    shard_id: 'm',
    status: 'running',
    epoch: 2,
    node_id: '12D3KooWabcdefgh',
    server: 'm-1\u001b[2J',
    owner: 'x',
  };
  expect(shardsTable([shard])).toContain('m         running  2      abcdefgh  m-1\ufffd[2J');
  const plan = { slots: [{ slot: 0, node_id: 'n' }], feasible: false, missing: 1, needs_vote: ['a GPU'], per_node: [] };
  expect(planText(plan)).toContain('needs a vote: a GPU');
});
