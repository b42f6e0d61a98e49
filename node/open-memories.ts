import type { Foundation } from './assemble.ts';
import { DefinitionPins } from './pins/index.ts';
import { KnownServers, OnceLog } from './router/index.ts';

/** What calls leave on disk for the next run: pinned tools, calls with keys, and which servers other nodes have. */
export async function openMemories(
  { database, keys, village, bus }: Pick<Foundation, 'database' | 'keys' | 'village' | 'bus'>,
  stack: AsyncDisposableStack,
): Promise<{ readonly pins: DefinitionPins; readonly once: OnceLog; readonly knownServers: KnownServers }> {
  const place = village.villageId.slice(0, 16);
  const policy = () => village.policy();
  const { nodeId } = keys;
  const pins = await DefinitionPins.open({
    store: database.namespace(`tool-pins-${place}`),
    nodeId,
    policy,
    reporter: bus,
  });
  stack.defer(() => pins.close());
  const once = await OnceLog.open(database.namespace(`once-${place}`), { wallMs: Date.now, reporter: bus });
  stack.defer(() => once.close());
  const knownServers = await KnownServers.open(database.namespace(`known-servers-${place}`), { reporter: bus });
  stack.defer(() => knownServers.close());
  return { pins, once, knownServers };
}
