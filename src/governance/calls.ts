import type { Decision, PolicyState } from './views.ts';

/**
 * Approved calls that `node` has not begun: what it may begin now, and only after it wrote down that it did. `begun` asks by
 * proposal or by the call's nonce: the same call approved twice is one call. What was begun and not ended is never begun again.
 */
export function callsToBegin(
  { calls }: Pick<PolicyState, 'calls'>,
  { node, begun }: { readonly node: string; readonly begun: (name: string) => boolean },
): readonly Decision[] {
  const nonces = new Set<string>();
  return calls.filter(({ id, actions: [action] }) => {
    if (action?.op !== 'call' || action.node !== node || begun(id) || begun(action.nonce)) return false;
    const isFirst = !nonces.has(action.nonce);
    nonces.add(action.nonce);
    return isFirst;
  });
}
