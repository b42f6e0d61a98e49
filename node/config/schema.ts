import { z } from 'zod';
import { LEVELS } from '../../src/permissions/index.ts';
import { FogConfig } from './fog.ts';
import { LogConfig, TelemetryConfig } from './telemetry.ts';

const Level = z.enum(LEVELS);
const HostPort = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+):\d{1,5}$/, {
    error: 'HOST:PORT, as in 127.0.0.1:7117',
    abort: true,
  })
  .refine((address) => portOf(address) <= 65_535, 'a port is at most 65535');
/** The admin address carries this run's secret in plain HTTP. */
const LoopbackPort = HostPort.refine(
  (address) => /^(127(\.\d{1,3}){3}|localhost|\[::1\]):/.test(address),
  'a loopback address, as 127.0.0.1:7118: put a proxy with TLS in front of it for others',
);

const OF_OTHERS = 'a key of other clients; changes nothing here';

/** One entry of the `mcpServers` block that every MCP client uses. Keys other clients put there are accepted; see `foreign`. */
export const ServerConfig = z
  .strictObject({
    command: z.string().min(1).optional().describe('the program to start; speaks MCP on stdin and stdout'),
    args: z.array(z.string()).default([]).describe('its arguments'),
    env: z
      .record(z.string(), z.string())
      .default({})
      .describe('added to a minimal environment (PATH, HOME, LANG, TMPDIR …)'),
    cwd: z.string().min(1).optional().describe('its working directory; the data folder by default'),
    url: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('a Streamable HTTP endpoint, instead of a command'),
    headers: z.record(z.string(), z.string()).default({}).describe('sent with every request to `url`'),
    enabled: z.boolean().default(true).describe('false: known but not started'),
    tools: z.array(z.string().min(1)).optional().describe('allow list: only these tools are offered'),
    level: Level.default('OPERATOR').describe('the level an agent needs for its tools'),
    toolLevels: z.record(z.string(), Level).default({}).describe('tool name → level, where it differs'),
    cacheTtlMs: z
      .int()
      .nonnegative()
      .default(0)
      .describe(
        'how long results of its tools, resources and prompts may be reused, in milliseconds; 0: not at all. Never those of a tool that says that it writes (readOnlyHint: false)',
      ),
    toolCacheTtlMs: z
      .record(z.string(), z.int().nonnegative())
      .default({})
      .describe(
        'tool name → how long its results may be reused, where it differs; one above 0 also says that the tool only reads',
      ),
    idempotent: z
      .array(z.string().min(1))
      .default([])
      .describe('tools that may be called again after an unclear failure'),
    share: z.enum(['mesh', 'local']).default('mesh').describe('who may use it: the whole village or this node alone'),
    instances: z
      .enum(['shared', 'per-agent'])
      .default('shared')
      .describe('one process (or session at `url`) for all agents, or one for each'),
    // Keys of other clients. Honoured where they mean something here (what restricts does), reported where not.
    disabled: z.boolean().optional().describe('true: known but not started'),
    includeTools: z
      .array(z.string())
      .optional()
      .describe('as `tools`: only these are offered, and only those of `tools` where both are given'),
    excludeTools: z.array(z.string()).optional().describe('tools that are not offered, whatever lists them'),
    disabledTools: z.array(z.string()).optional().describe('as excludeTools'),
    timeout: z.number().positive().optional().describe('seconds a call may take'),
    description: z.string().optional().describe('what it is for, in your words; changes nothing here'),
    type: z.string().optional().describe(OF_OTHERS),
    transport: z.string().optional().describe(OF_OTHERS),
    autoApprove: z.array(z.string()).optional().describe(OF_OTHERS),
    alwaysAllow: z.array(z.string()).optional().describe(OF_OTHERS),
    trust: z.unknown().optional().describe(OF_OTHERS),
  })
  .refine((entry) => (entry.command === undefined) !== (entry.url === undefined), 'give either `command` or `url`');
export type ServerConfig = z.infer<typeof ServerConfig>;

const Servers = z.record(
  z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/, 'a server name: 1–32 of A–Z a–z 0–9 _ -'),
  ServerConfig,
);

/** The whole configuration of a node (`village.json`). Strict: an unknown key is refused by name. */
export const Config = z.strictObject({
  $schema: z.string().optional().describe('where an editor finds this schema'),
  mcpServers: Servers.default({}).describe('third-party MCP servers that this node hosts'),
  servers: Servers.optional().describe('another name for mcpServers'),
  gateway: HostPort.default('127.0.0.1:7117').describe('where agents connect'),
  admin: LoopbackPort.default('127.0.0.1:7118').describe('metrics and the command line'),
  listen: z
    .array(z.string().startsWith('/'))
    .default(['/ip4/127.0.0.1/tcp/0'])
    .describe('multiaddrs to listen on for peers'),
  bootstrap: z
    .array(z.string().startsWith('/'))
    .default([])
    .describe('peers to connect to at start, besides those known'),
  defaultAgent: z.string().min(1).default('local').describe('whom `npm start` prints a connection for'),
  allowedOrigins: z.array(z.string()).default([]).describe('browser origins besides the gateway’s own'),
  allowedHosts: z.array(z.string()).default([]).describe('Host headers besides the gateway’s own'),
  log: LogConfig.prefault({}),
  limits: z
    .strictObject({
      perAgentPerMinute: z.int().positive().default(1200).describe('requests of one agent'),
      perSourcePerMinute: z.int().positive().default(6000).describe('requests from one IPv4 address or IPv6 /64'),
      perNodePerSecond: z.int().positive().default(5000).describe('requests of all agents here; of each peer as many'),
      maxBodyBytes: z
        .int()
        .positive()
        .default(4 * 1024 * 1024)
        .describe('of a request at the gateway'),
      maxInFlightPerPeer: z.int().positive().default(256).describe('calls that one peer brings, under way at one time'),
      maxInFlightPerAgent: z
        .int()
        .positive()
        .default(256)
        .describe('calls of one agent under way at one time; by each peer as many'),
      callTimeoutMs: z.int().positive().default(60_000).describe('the longest that a call may take, in milliseconds'),
      overload: z
        .strictObject({
          delayMs: z.int().positive().default(500).describe('mean lateness of the event loop, in milliseconds'),
          inFlight: z.int().positive().default(4096).describe('calls under way at one time'),
          memoryPercent: z.int().min(10).max(100).default(90).describe('of the heap that V8 allows'),
        })
        .prefault({})
        .describe('above one of these the lowest level is turned away, then the next'),
      maxSessions: z
        .int()
        .positive()
        .default(10_000)
        .describe('sessions of agents at one time, half of them of one agent at most'),
      sessionIdleMs: z
        .int()
        .positive()
        .default(30 * 60_000)
        .describe('after which a session that is not used ends, in milliseconds'),
    })
    .prefault({}),
  discovery: z
    .strictObject({
      mdns: z
        .boolean()
        .default(true)
        .describe('look for peers on the local network (only when listening beyond loopback)'),
      exchange: z
        .boolean()
        .default(true)
        .describe('connected peers exchange descriptors at once; false: provider records only'),
      lookupIntervalMs: z
        .int()
        .positive()
        // A timer of more than 24.8 days fires at once, again and again.
        .max(86_400_000)
        .default(15_000)
        .describe('the longest pause between two looks around the DHT, in milliseconds'),
    })
    .prefault({}),
  routing: z
    .strictObject({
      hedgeAfterMs: z
        .int()
        .nonnegative()
        .default(0)
        .describe('ask a second replica too when the first takes longer; only for `idempotent` tools. 0: never'),
    })
    .prefault({}),
  audit: z
    .strictObject({
      witnessEverySeconds: z
        .int()
        .positive()
        .max(3_600)
        .default(30)
        .describe('how long audit entries may wait until peers have countersigned them'),
      witnesses: z.int().min(1).max(16).default(3).describe('how many peers are asked each time'),
    })
    .prefault({}),
  telemetry: TelemetryConfig.prefault({}),
  tools: z
    .strictObject({
      mode: z
        .enum(['list', 'search'])
        .default('list')
        .describe('what `/mcp` lists: every tool, or `find_tools` and `call_tool` in their place'),
    })
    .prefault({}),
  fog: FogConfig.prefault({}),
  gatewayTls: z
    .strictObject({
      cert: z.string().min(1).optional().describe('PEM file: the certificate, then those that lead to its authority'),
      key: z.string().min(1).optional().describe('PEM file of its private key, readable by its owner alone'),
      clientCa: z
        .string()
        .min(1)
        .optional()
        .describe('PEM file of authorities: nobody is served without a certificate of one of them'),
    })
    .refine(({ cert, key }) => (cert === undefined) === (key === undefined), 'give `cert` and `key` together')
    .optional()
    .describe(
      'TLS 1.3 on the gateway, on loopback too; beyond loopback it is on without this. Paths start at the data folder. Without cert and key the node makes its own',
    ),
  insecureGatewayBind: z
    .boolean()
    .default(false)
    .describe('a gateway beyond loopback speaks plain HTTP, unless gatewayTls is given'),
});
export type Config = z.infer<typeof Config>;

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
