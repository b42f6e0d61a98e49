import { ThreatBook } from '../../src/threat/index.ts';

/** CPU µs that the threat score takes of a call: without arguments, with the same ones again, with a sentence of 200 characters that it never saw. */
const ROUNDS = 4;
const CALLS = 20_000;
const WORDS =
  'the deploy of service number is done and please look at the report before friday since tests were slow on two nodes'.split(
    ' ',
  );

function sentence(seed: number): string {
  let text = `${seed}`;
  for (let at = seed; text.length < 200; at += 1) text += ` ${WORDS[(at * 7_919) % WORDS.length]}`;
  return text;
}

function measure(name: string, argumentsOf: (call: number) => object): void {
  const book = new ThreatBook();
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round += 1) {
    // As a call brings them: parsed, each text a new string.
    const calls = Array.from({ length: CALLS }, (_, call): unknown =>
      JSON.parse(JSON.stringify(argumentsOf(round * CALLS + call))),
    );
    const before = process.cpuUsage();
    for (const args of calls)
      book.assess({
        agentId: 'ann',
        tool: 'note',
        arguments: args,
        isHighRisk: false,
        source: '127.0.0.1',
        nowMs: 1 + round,
      });
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / CALLS);
  }
  process.stdout.write(`${name}: ${best.toFixed(2)} µs of CPU a call\n`);
}

const same = { text: sentence(0), id: 'abc-1' };
measure('no arguments', () => ({}));
measure('the same arguments again', () => same);
measure('a new sentence of 200 characters', (call) => ({ text: sentence(call) }));
