import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Load, load } from './load.ts';

/** What one connection is asked again and again: the bodies in turn, each with an id of its own where `ID` stands. */
export interface Target {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bodies: readonly string[];
}

export interface Asked {
  readonly connections: number;
  readonly seconds: number;
  /** Look into every reply, which costs the generator: for the run that warms up. */
  readonly checked?: boolean;
}

/** Where the number of a request goes in its body. */
export const ID = 10_000_000;

/** wrk, from Debian if need be; false: it can't be had, and our own generator, which is slower, takes its place. */
export function hasWrk(): boolean {
  const there = (): boolean => spawnSync('wrk', ['-v']).error === undefined;
  if (there()) return true;
  spawnSync('apt-get', ['install', '-y', '-q', 'wrk'], { timeout: 120_000 });
  return there();
}

export function generate(target: Target, asked: Asked, wrk: boolean): Promise<Load> {
  return wrk ? withWrk(target, asked) : withOurs(target, asked);
}

/** Head and body, cut where the id goes. */
function pieces({ port, path, headers, bodies }: Target): readonly (readonly [string, string])[] {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return bodies.map((body) => {
    const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${lines.join('')}`;
    const [before = '', after = ''] = body.split(String(ID));
    return [`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${before}`, after];
  });
}

async function withWrk(target: Target, { connections, seconds, checked = false }: Asked): Promise<Load> {
  const folder = mkdtempSync(join(tmpdir(), 'village-bench-'));
  const script = join(folder, 'load.lua');
  try {
    writeFileSync(script, lua(target, checked));
    const url = `http://127.0.0.1:${target.port}${target.path}`;
    const args = [
      '-t1',
      `-c${connections}`,
      `-d${Math.max(1, Math.round(seconds))}s`,
      '--timeout',
      '10s',
      '-s',
      script,
      url,
    ];
    const out = await new Promise<string>((resolve, reject) => {
      execFile('wrk', args, { timeout: (seconds + 20) * 1000 }, (error, stdout) =>
        error === null ? resolve(stdout) : reject(new Error('wrk failed', { cause: error })),
      );
    });
    return JSON.parse(out.slice(out.indexOf('JSON') + 4)) as Load;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function lua(target: Target, checked: boolean): string {
  const table = pieces(target).map((one) => `{${one.map((text) => JSON.stringify(text)).join(',')}}`);
  const look = `
    bad = 0
    function response(status, headers, body)
      if status ~= 200 or not body:find('"result"', 1, true) then bad = bad + 1 end
    end`;
  return `
    local pieces = {${table.join(',')}}
    local id, at = ${ID}, 0
    local threads = {}
    function setup(thread) table.insert(threads, thread) end
    function request()
      id = id + 1
      at = at % #pieces + 1
      return pieces[at][1] .. id .. pieces[at][2]
    end${checked ? look : ''}
    function done(summary, latency)
      local e = summary.errors
      local failed = e.connect + e.read + e.write + e.status + e.timeout
      for _, thread in ipairs(threads) do failed = failed + (thread:get("bad") or 0) end
      io.write(string.format('JSON{"requests":%d,"seconds":%f,"p50Ms":%f,"p99Ms":%f,"failed":%d}', summary.requests,
        summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, failed))
    end`;
}

function withOurs(target: Target, { connections, seconds }: Asked): Promise<Load> {
  const cut = pieces(target);
  const request = (connection: number): Buffer =>
    Buffer.from((cut[connection % cut.length] ?? []).join(String(ID + connection)));
  return load(target.port, { connections, seconds, request });
}
