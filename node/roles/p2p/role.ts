import type { Role } from '../../backends/role.ts';
import { nodesOf, peersOf, serversOf, statusOf } from './mesh-view.ts';
import type { P2pParts } from './ports.ts';
import { p2pTools } from './tools.ts';

const PEERS = 'village://p2p/peers';
const SERVERS = 'village://p2p/servers';
const STATUS = 'village://p2p/status';
const READABLE = { mimeType: 'application/json', ttlMs: 1_000 } as const;

/** The P2P role: the mesh as agents see it. */
export function p2pRole(parts: P2pParts): Role {
  return {
    name: 'p2p',
    title: 'P2P network',
    version: '1.0.0',
    instructions:
      'Tells who is in the village and what they serve. discover_servers finds MCP servers and the names under which to call their tools; discover_nodes lists nodes; mesh_ping checks one.',
    tools: p2pTools(parts),
    onUpdated: (changed) => {
      const each = (uris: readonly string[]) => () => {
        for (const uri of uris) changed(uri);
      };
      const { host, directory } = parts;
      const undo = [
        host.onAdmitted(each([PEERS, STATUS])),
        host.onGone(each([PEERS, STATUS])),
        directory.onCatalogue(each([PEERS, SERVERS, STATUS])),
      ];
      return () => {
        for (const stopListening of undo) stopListening();
      };
    },
    resources: [
      {
        uri: PEERS,
        name: 'peers',
        title: 'Peer table',
        description: 'Connections of this node, and the nodes of the village it knows',
        ...READABLE,
        read: () => ({ ...peersOf(parts), nodes: nodesOf(parts) }),
      },
      {
        uri: SERVERS,
        name: 'servers',
        title: 'Known MCP servers',
        description: 'Servers that you may use, with their tools and the nodes that serve them',
        ...READABLE,
        read: ({ principal }) => ({ servers: serversOf(parts, principal) }),
      },
      {
        uri: STATUS,
        name: 'status',
        title: 'Network status',
        description: 'The mesh as this node sees it, in numbers',
        ...READABLE,
        read: () => statusOf(parts),
      },
    ],
    prompts: [
      {
        name: 'diagnose_connectivity',
        title: 'Diagnose connectivity',
        description: 'Find out why a node or a server cannot be reached',
        arguments: [
          { name: 'subject', description: 'a node id or a server’s name; everything by default', required: false },
        ],
        write: ({ subject }) =>
          `Find out whether ${subject === undefined ? 'the mesh' : `“${subject}”`} can be reached from this node, and if not, why.\n` +
          '1. Call network_status: no admitted peers means that this node is alone; say so and stop.\n' +
          '2. Call discover_nodes and, if a server is in question, discover_servers with its name and refresh: true.\n' +
          '3. Call mesh_ping with the node_id of each node concerned; for one that does not answer call p2p_network_join with it and read the refusal.\n' +
          '4. Report which nodes answered, which did not and with which code, which servers are missing, and what to try next.',
      },
    ],
  };
}
