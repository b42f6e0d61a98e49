/**
 * Village beside a bare `node:http` server, the SDK's own servers and npm's gateways, in one go: `npm run bench`.
 * `--seconds N --rounds N --connections N --only bare,local,…` for a quick look. On a busy machine read the CPU column (all processes that
 * take part, all threads) and the shares, not the requests per second.
 */
import { parseArgs } from 'node:util';
import { builtInTools } from '../test/bench/built-in-tools.ts';
import { chosen, tokenChecks } from '../test/bench/decisions.ts';
import { type Contender, Contenders } from '../test/bench/contenders.ts';
import { cpuOf, family, rssMiB } from '../test/bench/processes.ts';
import { type Measured, type Round, table } from '../test/bench/table.ts';
import { generate, hasWrk } from '../test/bench/wrk.ts';
import { cleanUp } from '../test/support/process-node.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '64' },
    only: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
const connections = Number(values.connections);
/** Twice. */
const WARM_UP_SECONDS = 4;

const STARTS: Readonly<Record<string, (all: Contenders) => Promise<Contender>>> = {
  bare: (all) => all.bare(),
  local: (all) => all.local(),
  session: (all) => all.session(),
  hop: (all) => all.hop(),
  sdk: (all) => all.sdk('sdk'),
  sdk2: (all) => all.sdk('sdk2'),
  stdio: (all) => all.stdio(),
  'mcp-proxy': (all) => all.npm('mcp-proxy'),
  supergateway: (all) => all.npm('supergateway'),
  'bare-three': (all) => all.bareThrice(),
  three: (all) => all.three(false),
  spread: (all) => all.three(true),
};
const EXTRAS = ['decisions', 'tools'];
const wanted = values.only?.split(',') ?? [...Object.keys(STARTS), ...EXTRAS];
const unknown = wanted.filter((name) => !Object.hasOwn(STARTS, name) && !EXTRAS.includes(name));
if (unknown.length > 0) {
  console.error(`no such: ${unknown.join(', ')}; there are ${[...Object.keys(STARTS), ...EXTRAS].join(', ')}`);
  process.exit(1);
}
const wrk = hasWrk();

/** One round: all targets of a contender at once, the connections shared among them. */
async function round({ targets, pids }: Contender, asked: { seconds: number; checked?: boolean }): Promise<Round> {
  const all = pids.flatMap(family);
  const before = cpuOf(all);
  const share = Math.max(1, Math.round(connections / targets.length));
  const loads = await Promise.all(targets.map((target) => generate(target, { connections: share, ...asked }, wrk)));
  const requests = loads.reduce((sum, load) => sum + load.requests, 0);
  return {
    perSecond: loads.reduce((sum, load) => sum + load.requests / load.seconds, 0),
    cpuUs: (cpuOf(all) - before) / requests,
    p50Ms: loads.reduce((sum, { p50Ms, requests: own }) => sum + (p50Ms * own) / requests, 0),
    p99Ms: Math.max(...loads.map(({ p99Ms }) => p99Ms)),
    failed: loads.reduce((sum, { failed }) => sum + failed, 0),
  };
}

using contenders = new Contenders();
try {
  const field: { contender: Contender; rounds: Round[]; aloneMs: number; unanswered: number }[] = [];
  for (const name of wanted) {
    const start = STARTS[name];
    if (start !== undefined) field.push({ contender: await start(contenders), rounds: [], aloneMs: 0, unanswered: 0 });
  }
  // In turn, as they are measured: what a node compiles for one kind of call it compiles anew when another comes, and programs that serve for days
  // are asked what they do then.
  for (let n = 0; n < 2; n += 1) for (const one of field) await round(one.contender, { seconds: WARM_UP_SECONDS });
  for (const one of field) {
    // Each reply is looked into once: a fast refusal must not win.
    one.unanswered = (await round(one.contender, { seconds: 2, checked: true })).failed;
    const [first] = one.contender.targets;
    if (first !== undefined) one.aloneMs = (await generate(first, { connections: 1, seconds: 1 }, wrk)).p50Ms;
  }
  for (let n = 0; n < Number(values.rounds); n += 1) {
    for (const one of field) one.rounds.push(await round(one.contender, { seconds }));
  }
  const measured: Measured[] = field.map((one) => ({ ...one, rssMiB: rssMiB(one.contender.pids.flatMap(family)) }));
  if (measured.length > 0) {
    const by = wrk ? 'wrk' : 'our own generator (wrk could not be had: it may be the limit)';
    console.log(`Load from ${by}, ${connections} connections, ${values.rounds} rounds of ${seconds} s, medians.\n`);
    console.log(table(measured));
  }
  for (const { contender, unanswered } of field) {
    if (unanswered > 0)
      console.log(`${contender.name}: ${unanswered} replies of the run that warms up were no results`);
  }
  if (wanted.includes('decisions')) console.log(`\n${await tokenChecks()}\n${await chosen()}`);
  if (wanted.includes('tools')) console.log(`\n${await builtInTools()}`);
} finally {
  await cleanUp();
}
