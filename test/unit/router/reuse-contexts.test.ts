import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BackendContext, BackendReply } from '../../../node/backends/backend.ts';
import { success } from '../../../node/backends/reply.ts';
import type { RpcRequest } from '../../../src/mcp/index.ts';
import { LEVELS } from '../../../src/permissions/index.ts';
import { agentNamed, RouterNetwork } from '../../support/router-network.ts';
import { StoreServer } from '../../support/store-server.ts';

/** Answers with who asked it for what. */
class Telling extends StoreServer {
  override async request({ id, params }: RpcRequest, { principal }: BackendContext): Promise<BackendReply> {
    await Promise.resolve();
    return success(id, { content: [], structuredContent: said(principal, params?.['name'], params?.['arguments']) });
  }
}

interface Who {
  readonly agentId: string;
  readonly level: string;
  readonly permissions: readonly string[] | undefined;
}

function said({ agentId, level, permissions }: Who, name: unknown, args: unknown): object {
  return { agentId, level, permissions: permissions ?? null, name, args };
}

const calls = fc.array(
  fc.record({
    agent: fc.constantFrom('ann', 'bob', 'ann\nb', 'ann","OPERATOR'),
    level: fc.constantFrom(...LEVELS.filter((level) => level !== 'READ_ONLY')),
    permissions: fc.option(fc.constantFrom(['*'], ['store__*'], ['store__get', 'store__other']), { nil: undefined }),
    tool: fc.constantFrom('get', 'other'),
    args: fc.oneof(fc.constant({}), fc.record({ a: fc.constantFrom(1, '1', null, [1], { a: 1 }) })),
    waits: fc.boolean(),
    twice: fc.boolean(),
  }),
  { minLength: 2, maxLength: 40 },
);

test('no answer is ever given to another authorisation, nor for other arguments, however calls come together', async () => {
  const network = new RouterNetwork();
  const here = network.add('here', [new Telling('store', { toolCacheTtlMs: { get: 60_000, other: 60_000 } })]);
  await fc.assert(
    fc.asyncProperty(calls, async (sequence) => {
      const pending: Promise<void>[] = [];
      for (const { agent, level, permissions, tool, args, waits, twice } of sequence) {
        const who = { ...agentNamed(agent, 'aa', level), permissions };
        const ask = async () => {
          const { result } = await here.ask('tools/call', { name: `store__${tool}`, arguments: args }, who);
          expect(result?.structuredContent).toEqual(said(who, tool, args));
        };
        const checked = Promise.all(twice ? [ask(), ask()] : [ask()]).then(() => undefined);
        pending.push(checked);
        if (waits) await checked;
      }
      await Promise.all(pending);
    }),
    // The same sequences each time: what they have to bring about is asserted below.
    { numRuns: 60, seed: 1 },
  );
  const reasons = new Set(here.audited.map(({ reason }) => reason));
  expect(reasons).toEqual(new Set(['', 'cache: hit', 'cache: coalesced']));
  await network.stop();
});
