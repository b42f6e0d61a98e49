/** A bare agent name: `sage`. */
export const AGENT_NAME = /^[a-z][a-z0-9_-]{0,31}$/;

/** How many characters of its PeerId name a node in `NAME@NODE`. */
const NODE_SUFFIX_LENGTH = 8;

const NODE_SUFFIX = /^[1-9A-HJ-NP-Za-km-z]{8}$/;

export type AgentId =
  | { readonly kind: 'village'; readonly name: string }
  | { readonly kind: 'node'; readonly name: string; readonly node: string };

/** `sage` belongs to the village, `local@Q3xK9a2Z` to a node. undefined: neither. */
export function parseAgentId(id: string): AgentId | undefined {
  const at = id.indexOf('@');
  const name = at === -1 ? id : id.slice(0, at);
  if (!AGENT_NAME.test(name)) return undefined;
  if (at === -1) return { kind: 'village', name };
  const node = id.slice(at + 1);
  return NODE_SUFFIX.test(node) ? { kind: 'node', name, node } : undefined;
}

/** The last characters of a PeerId: its first ones are the same for every node. */
export function nodeSuffix(nodeId: string): string {
  return nodeId.slice(-NODE_SUFFIX_LENGTH);
}

/** `local` on this node: `local@Q3xK9a2Z`. */
export function ownAgentId(name: string, nodeId: string): string {
  return `${name}@${nodeSuffix(nodeId)}`;
}
