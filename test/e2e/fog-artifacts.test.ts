import { streamPair } from '@libp2p/utils';
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { ModuleCache } from '../../node/fog/artifacts/module-cache.ts';
import { Artifacts, type ArtifactsParts, type Asked } from '../../node/fog/artifacts/index.ts';
import { type RunningShard, ShardRunner } from '../../node/fog/runner/index.ts';
import { callTool } from '../support/hosting.ts';
import { nothingLeftOf, shardStart } from '../support/shards.ts';
import { hostA, hostB } from '../support/small-village.ts';

const NOW_MS = 1_800_000_000_000;
const MODULE = `
import { createInterface } from 'node:readline';
import { readFileSync } from 'node:fs';
const tools = {
  env: ({ name }) => process.env[name] ?? '',
  read: ({ path }) => { try { return readFileSync(path, 'utf8'); } catch (error) { return error.code; } },
};
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  const results = {
    initialize: () => ({ protocolVersion: '2024-11-05', capabilities: { tools: {} }, serverInfo: { name: 'm', version: '1' } }),
    'tools/list': () => ({ tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: 'object' } })) }),
    'tools/call': () => ({ content: [{ type: 'text', text: String(tools[params.name](params.arguments ?? {})) }] }),
  };
  process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result: results[method]() }) + '\\n');
}).on('close', () => process.exit(0));
`;
const bytes = Buffer.from(MODULE);
const digest = createHash('sha256').update(bytes).digest('hex');
const says = {
  entry: 'm.mjs',
  caps: { fs: 'own' as const, net: false, env: ['GREETING'] },
  min_resources: { cpu_milli: 100, mem_mib: 64 },
  not_after: NOW_MS / 1000 + 3600,
};
const asked = (artifact = `mod:sha256:${digest}`, more: Partial<Asked> = {}): Asked => ({
  artifact,
  res: { cpuMilli: 1000, memMib: 256, diskMib: 0, gpus: 0 },
  env: {},
  ...more,
});
const wanted = (from?: string) => ({ from, signal: AbortSignal.timeout(10_000) });

const folders: string[] = [];
function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'village-artifacts-'));
  folders.push(path);
  return path;
}
afterAll(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

interface Desk {
  readonly artifacts: Artifacts;
  readonly dataDir: string;
}

/** Nodes whose streams are linked in memory; each finds all the others. */
class Peers {
  readonly #nodes = new Map<string, Artifacts>();
  /** What a peer's answer is turned into on its way. */
  garble: (data: Uint8Array) => Uint8Array = (data) => data;
  opened = 0;

  async node(id: string, parts: Partial<ArtifactsParts> = {}): Promise<Desk> {
    const dataDir = parts.dataDir ?? folder();
    const nodes = this.#nodes;
    const artifacts = new Artifacts({
      nodeId: id,
      dataDir,
      config: () => ({ artifacts: {}, publishers: [] }),
      approved: () => [],
      wallMs: () => NOW_MS,
      sign: (typ, payload) => hostA.node.jws(typ, payload),
      peers: {
        announce: async () => undefined,
        openStream: async (to) => {
          this.opened += 1;
          const [near, far] = await streamPair();
          const send = far.send.bind(far);
          far.send = (data) => send(this.garble(data.subarray()));
          void nodes
            .get(to)
            ?.serve(far)
            .catch(() => undefined); // the asker hung up, which is what the test looks at
          return near;
        },
        async *holders() {
          for (const other of nodes.keys()) if (other !== id) yield other;
        },
      },
      ...parts,
    });
    await artifacts.start();
    nodes.set(id, artifacts);
    return { artifacts, dataDir };
  }
}

const trusting = (publishers: readonly string[]) => ({
  config: () => ({ artifacts: {}, publishers: [...publishers] }),
});

describe('an artifact', () => {
  test('is a command only where the operator says so, and never what the network says', async () => {
    const entry = { command: 'echo', args: ['hello'], env: { A: '1' } };
    const { artifacts } = await new Peers().node('n', {
      config: () => ({ artifacts: { hi: entry, 'hi@2': entry }, publishers: [] }),
    });
    expect(await artifacts.judge(asked('cmd:hi'), wanted())).toEqual({ kind: 'runnable', warm: true });
    expect(await artifacts.prepare(asked('cmd:hi@2', { env: { LD_PRELOAD: 'x' } }), wanted())).toEqual({
      kind: 'process',
      ...entry,
    });
    for (const name of ['cmd:ho', 'cmd:hi@3', 'cmd:constructor', 'role:king', 'role:constructor']) {
      expect(await artifacts.judge(asked(name), wanted())).toMatchObject({
        kind: 'refused',
        code: 'UNTRUSTED_ARTIFACT',
      });
      await expect(artifacts.prepare(asked(name), wanted())).rejects.toMatchObject({ code: 'ARTIFACT_UNTRUSTED' });
    }
    expect(artifacts.names()).toEqual(['role', 'cmd', 'mod', 'role:agent', 'cmd:hi', 'cmd:hi@2']);
  });

  test('is a module of a trusted publisher, fetched from whoever has it', async () => {
    const peers = new Peers();
    const publisher = await peers.node(hostA.node.peerId);
    expect(await publisher.artifacts.publish(bytes, says)).toBe(`mod:sha256:${digest}`);
    const { artifacts, dataDir } = await peers.node('n', trusting([hostA.node.peerId]));
    expect(await artifacts.judge(asked(), wanted())).toEqual({ kind: 'runnable', warm: false });
    const program = await artifacts.prepare(asked(undefined, { env: { GREETING: 'hi', PATH: '/evil' } }), wanted());
    expect(program).toMatchObject({
      kind: 'process',
      args: [],
      env: { GREETING: 'hi' },
      module: { digest, fsRead: false },
    });
    expect(program.kind === 'process' && program.env).toEqual({ GREETING: 'hi' });
    expect(await artifacts.judge(asked(), wanted())).toEqual({ kind: 'runnable', warm: true });
    // From here it is passed on: the publisher is not asked again.
    const third = await peers.node('m', trusting([hostA.node.peerId]));
    expect(await third.artifacts.prepare(asked(), wanted())).toMatchObject({ module: { digest } });
    expect(statSync(join(dataDir, 'fog/modules')).mode & 0o777).toBe(0o700);
  });

  test('of a publisher whom nobody here trusts is refused, unless a vote approved that very digest', async () => {
    const peers = new Peers();
    await (await peers.node(hostA.node.peerId)).artifacts.publish(bytes, says);
    const { artifacts } = await peers.node('n', trusting([hostB.node.peerId]));
    expect(await artifacts.judge(asked(), wanted())).toMatchObject({
      code: 'UNTRUSTED_ARTIFACT',
      detail: expect.stringContaining('untrusted'),
    });
    await expect(artifacts.prepare(asked(), wanted())).rejects.toMatchObject({ code: 'ARTIFACT_UNTRUSTED' });
    const voted = await peers.node('v', { approved: () => [digest] });
    expect(await voted.artifacts.judge(asked(), wanted())).toMatchObject({ kind: 'runnable' });
  });

  test('whose manifest has expired is refused before anything is fetched', async () => {
    const peers = new Peers();
    await (await peers.node(hostA.node.peerId)).artifacts.publish(bytes, says);
    const { artifacts, dataDir } = await peers.node('n', {
      ...trusting([hostA.node.peerId]),
      wallMs: () => NOW_MS + 3_600_000,
    });
    expect(await artifacts.judge(asked(), wanted())).toMatchObject({
      code: 'UNTRUSTED_ARTIFACT',
      detail: expect.stringContaining('expired'),
    });
    expect(readdirSync(join(dataDir, 'fog/modules'))).toEqual([]);
  });

  test('that asks for more than its shard is to get is refused by its manifest', async () => {
    const { artifacts } = await new Peers().node(hostA.node.peerId);
    await artifacts.publish(bytes, says);
    const res = { cpuMilli: 1000, memMib: 63, diskMib: 0, gpus: 0 };
    expect(await artifacts.judge(asked(undefined, { res }), wanted())).toMatchObject({ code: 'REFUSED_POLICY' });
  });

  test('that nobody has is refused', async () => {
    const peers = new Peers();
    await peers.node('empty');
    const { artifacts } = await peers.node('n');
    expect(await artifacts.judge(asked(), wanted())).toMatchObject({ code: 'UNTRUSTED_ARTIFACT' });
  });

  test('that nobody has is asked for once in five seconds, however often a peer wants it', async () => {
    const peers = new Peers();
    await peers.node('empty');
    let nowMs = NOW_MS;
    const { artifacts } = await peers.node('n', { wallMs: () => nowMs });
    for (let again = 0; again < 5; again++) await artifacts.judge(asked(), wanted());
    expect(peers.opened).toBe(1);
    nowMs += 5_000;
    await artifacts.judge(asked(), wanted());
    expect(peers.opened).toBe(2);
  });

  test('whose bytes a peer changed is not kept, and comes from another peer', async () => {
    const peers = new Peers();
    await (await peers.node(hostA.node.peerId)).artifacts.publish(bytes, says);
    const { artifacts, dataDir } = await peers.node('n', trusting([hostA.node.peerId]));
    expect(await artifacts.judge(asked(), wanted())).toMatchObject({ kind: 'runnable' });
    peers.garble = (data) =>
      Buffer.from(Buffer.from(data).toString('latin1').replace('protocolVersion', 'protocolversion'), 'latin1');
    await expect(artifacts.prepare(asked(), wanted())).rejects.toMatchObject({ code: 'ARTIFACT_UNREACHABLE' });
    expect(readdirSync(join(dataDir, 'fog/modules'))).toEqual([]);
    peers.garble = (data) => data;
    expect(await artifacts.prepare(asked(), wanted())).toMatchObject({ module: { digest } });
  });

  test('whose bytes were changed on this disk is fetched anew, or refused where nobody has it', async () => {
    const peers = new Peers();
    const publisher = await peers.node(hostA.node.peerId);
    await publisher.artifacts.publish(bytes, says);
    const { artifacts, dataDir } = await peers.node('n', trusting([hostA.node.peerId]));
    const program = await artifacts.prepare(asked(), wanted());
    const path = program.kind === 'process' ? (program.module?.path as string) : '';
    const tamper = (at: string) => {
      chmodSync(at, 0o600);
      writeFileSync(at, 'console.log("other")');
    };
    tamper(path);
    expect(await artifacts.prepare(asked(), wanted())).toMatchObject({ module: { digest } });
    tamper(path);
    tamper(join(publisher.dataDir, `fog/modules/${digest}.mjs`));
    await expect(artifacts.prepare(asked(), wanted())).rejects.toMatchObject({ code: 'ARTIFACT_UNREACHABLE' });
    expect(readdirSync(join(dataDir, 'fog/modules')).filter((name) => name.endsWith('.mjs'))).toEqual([]);
  });

  test('is fetched once, however many shards wait for it', async () => {
    const peers = new Peers();
    await (await peers.node(hostA.node.peerId)).artifacts.publish(bytes, says);
    const { artifacts } = await peers.node('n', trusting([hostA.node.peerId]));
    await artifacts.judge(asked(), wanted());
    peers.opened = 0;
    await Promise.all([1, 2, 3].map(() => artifacts.prepare(asked(), wanted())));
    expect(peers.opened).toBe(1);
  });
});

describe('the cache of modules', () => {
  test('drops the least recently used when there is too much of it, never the newest', async () => {
    const path = folder();
    const cache = new ModuleCache(path, { maxBytes: 2_500 });
    await cache.open();
    const names: string[] = [];
    for (const fill of [1, 2, 3]) {
      const module = Buffer.alloc(1_000, fill);
      const name = createHash('sha256').update(module).digest('hex');
      names.push(name);
      const incoming = await cache.receive(name, { manifest: 'a.b.c', bytes: module.length });
      await incoming.write(module);
      if (fill === 3) utimesSync(join(path, `${names[0]}.mjs`), new Date(), new Date());
      if (fill === 3) utimesSync(join(path, `${names[1]}.mjs`), 1_000, 1_000);
      await incoming.keep();
    }
    expect((await cache.digests()).toSorted()).toEqual([names[0], names[2]].toSorted());
  });

  test('shows nothing of what was half written when the node ended', async () => {
    const path = folder();
    const cache = new ModuleCache(path);
    await cache.open();
    const incoming = await cache.receive(digest, { manifest: 'a.b.c', bytes: bytes.length });
    await incoming.write(bytes.subarray(0, 10));
    expect(await cache.verified(digest)).toBeUndefined();
    await new ModuleCache(path).open();
    expect(readdirSync(path)).toEqual([]);
    await incoming.drop();
  });
});

describe.skipIf(process.platform !== 'linux')('as shards', () => {
  async function running(program: Awaited<ReturnType<Artifacts['prepare']>>, input = {}): Promise<RunningShard> {
    const runner = new ShardRunner({
      nodeId: 'n',
      dataDir: folder(),
      reporter: { report: () => undefined },
      environment: process.env,
    });
    const start = shardStart('plain', { program, input, slot: '0', epoch: 1 });
    onTestFinished(async () => {
      await runner.close();
      await nothingLeftOf(start.placementId);
    });
    return runner.start(start);
  }

  test('a module runs, reads its own input and nothing else of the disk', async () => {
    const { artifacts } = await new Peers().node(hostA.node.peerId);
    await artifacts.publish(bytes, says);
    const shard = await running(await artifacts.prepare(asked(undefined, { env: { GREETING: 'hi' } }), wanted()), {
      a: 1,
    });
    expect(await shard.ready).toBe(true);
    expect((await callTool(shard.server, 'env', { name: 'GREETING' })).text).toBe('hi');
    const path = (await callTool(shard.server, 'env', { name: 'FOG_INPUT' })).text;
    expect((await callTool(shard.server, 'read', { path })).text).toBe('{"a":1}');
    expect((await callTool(shard.server, 'read', { path: '/etc/hostname' })).text).toBe('ERR_ACCESS_DENIED');
  });

  test('a module whose bytes were changed after it was fetched does not start', async () => {
    const { artifacts } = await new Peers().node(hostA.node.peerId);
    await artifacts.publish(bytes, says);
    const program = await artifacts.prepare(asked(), wanted());
    const path = program.kind === 'process' ? (program.module?.path as string) : '';
    chmodSync(path, 0o600);
    writeFileSync(path, `${MODULE}//`);
    await expect(running(program)).rejects.toMatchObject({ code: 'RUNNER_TAMPERED' });
  });

  test('the agent that comes with every node works on what its deployment gave it', async () => {
    const { artifacts } = await new Peers().node('n');
    const documents = [{ id: 'fog', text: 'Fog is a cloud that touches the ground.' }];
    const program = await artifacts.prepare(asked('role:agent'), wanted());
    const shard = await running(program, { agent_type: 'sage', documents });
    expect(await shard.ready).toBe(true);
    expect(shard.server.definition()?.tools.map((tool) => tool.name)).toContain('summarise');
    const { result } = await callTool(shard.server, 'query', { question: 'what touches the ground?' });
    expect(result.structuredContent.matches[0].id).toBe('fog');
    const { result: status } = await callTool(shard.server, 'shard_status', {});
    expect(status.structuredContent).toEqual({ agent_type: 'sage', slot: '0', epoch: 1, documents: 1 });
  });
});
