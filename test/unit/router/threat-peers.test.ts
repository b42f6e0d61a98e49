import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CallContext } from '../../../node/router/call-context.ts';
import { DeadlineTimer } from '../../../node/router/index.ts';
import { agentNamed, type NetworkNode, NotingServer, RouterNetwork } from '../../support/router-network.ts';

const ATTACK = { user_id: "1' OR '1'='1" };
const ann = agentNamed('ann');
const deadlines = new DeadlineTimer();

let network: RouterNetwork;
let host: NetworkNode;
let honest: NetworkNode;

beforeEach(() => {
  network = new RouterNetwork();
  host = network.add('node-a', [new NotingServer('one')]);
  honest = network.add('node-b');
});
afterEach(() => network.stop());

/** What a peer that looks at nothing itself brings in ann's name, with a delegation that holds. */
async function brings(peer: string, args: object): Promise<string> {
  const deadlineAt = performance.now() + 5_000;
  const { signal } = new AbortController();
  const context = new CallContext({ principal: ann, era: 'session', signal }, new Uint8Array(16), {
    deadlineAt,
    deadlines,
  });
  const params = { name: 'work', arguments: args };
  const request = { jsonrpc: '2.0', id: 1, method: 'tools/call', params } as const;
  const reply = await host.router.serve({ peer, server: 'one', target: 'work', request, argumentsHash: '', context });
  return Buffer.from(reply.body).toString('utf8');
}
const asks = (node: NetworkNode) => node.ask('tools/call', { name: 'one__work', arguments: {} }, ann);

describe('a peer that brings attacks in the name of an agent', () => {
  beforeEach(async () => {
    for (let nth = 0; nth < 5; nth += 1) expect(await brings('liar', ATTACK)).toContain('BLOCKED');
  });

  test('has that agent refused when it comes by that peer', async () => {
    expect(await brings('liar', {})).toContain('QUARANTINED');
    expect(host.router.quarantined()).toEqual([{ agent: 'ann', peer: 'liar' }]);
  });

  test('changes nothing for the agent by another peer, nor at the node itself', async () => {
    expect((await asks(honest)).result).toBeDefined();
    expect((await asks(host)).result).toBeDefined();
    expect(await brings('another', {})).toContain('result');
  });
});

test('an agent that attacks at the node itself is refused there, and by a peer counts anew', async () => {
  for (let nth = 0; nth < 5; nth += 1) await host.ask('tools/call', { name: 'one__work', arguments: ATTACK }, ann);
  expect((await asks(host)).error.data.code).toBe('QUARANTINED');
  expect(host.router.quarantined()).toEqual([{ agent: 'ann', peer: '' }]);
  expect((await asks(honest)).result).toBeDefined();
});
