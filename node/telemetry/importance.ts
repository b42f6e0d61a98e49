import type { EventName, Events } from './events.ts';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Importance<Detail> {
  readonly level: LogLevel;
  /** Fields written at that level: ids, numbers and words of closed lists. The others may come from a remote and show at `debug` only. */
  readonly fields: readonly (keyof Detail)[];
}

/** How loud each event is. Nothing that a remote sent stands in `fields` above debug, except ids. */
export const IMPORTANCE: { readonly [Name in EventName]: Importance<Events[Name]> } = {
  'node.started': { level: 'info', fields: ['nodeId', 'startedMs'] },
  'node.stopping': { level: 'info', fields: ['reason'] },
  'peer.admitted': { level: 'info', fields: ['peer', 'direction'] },
  'peer.refused': { level: 'warn', fields: ['peer', 'reason'] },
  'peer.other-revision': { level: 'warn', fields: ['peer', 'protocol', 'ours', 'theirs'] },
  'peer.gone': { level: 'info', fields: ['peer'] },
  'peer.denied': { level: 'debug', fields: ['peer', 'reason', 'because', 'agentId'] },
  'peer.misbehaved': { level: 'warn', fields: ['peer', 'protocol', 'reason'] },
  'admission.granted': { level: 'info', fields: ['peer', 'ticket'] },
  'admission.refused': { level: 'warn', fields: ['peer', 'reason'] },
  'token.issued': { level: 'debug', fields: ['agent', 'tokenId', 'level'] },
  'village.entered': { level: 'info', fields: ['village', 'how'] },
  'revocation.made': { level: 'info', fields: ['kind', 'id'] },
  'revocation.heard': { level: 'info', fields: ['kind', 'id', 'by'] },
  'revocation.full': { level: 'warn', fields: ['by'] },
  'gossip.refused': { level: 'debug', fields: ['topic', 'from', 'reason'] },
  'governance.signed': { level: 'info', fields: ['voter', 'kind', 'statement'] },
  'governance.decided': { level: 'info', fields: ['proposal', 'outcome'] },
  'governance.equivocation': { level: 'error', fields: ['voter', 'about'] },
  'governance.halted': { level: 'error', fields: ['voter'] },
  'governance.refused': { level: 'debug', fields: ['reason'] },
  'governance.damaged': { level: 'error', fields: ['key'] },
  'fog.changed': { level: 'info', fields: ['of', 'id', 'from', 'to', 'because', 'peer', 'fence'] },
  'fog.unlisted': { level: 'warn', fields: ['server'] },
  'fog.unsent': { level: 'warn', fields: ['peer', 'kind'] },
  'fog.halted': { level: 'error', fields: ['area', 'error'] },
  'server.state': { level: 'info', fields: ['server', 'state', 'problem'] },
  'server.output': { level: 'debug', fields: ['server', 'line'] },
  'server.definition': { level: 'info', fields: ['server', 'tools', 'hash'] },
  'directory.updated': { level: 'debug', fields: ['peer', 'seq', 'servers'] },
  'directory.dropped': { level: 'info', fields: ['peer', 'reason'] },
  'directory.redefined': { level: 'warn', fields: ['peer', 'server'] },
  'directory.unlisted': { level: 'warn', fields: ['server'] },
  'dht.provided': { level: 'debug', fields: ['key', 'stored'] },
  'call.done': { level: 'debug', fields: ['kind', 'method', 'server', 'target', 'outcome', 'reason', 'durationMs'] },
  'call.forwarded': { level: 'debug', fields: ['to', 'peer', 'method', 'server', 'outcome', 'reason', 'durationMs'] },
  'work.done': { level: 'debug', fields: ['name', 'outcome', 'durationMs'] },
  'telemetry.failing': { level: 'warn', fields: ['problem'] },
  'telemetry.working': { level: 'info', fields: ['failedMs'] },
  'call.refused': { level: 'debug', fields: ['stage', 'reason'] },
  'tool.changed': { level: 'warn', fields: ['peer', 'server'] },
  'tool.approved': { level: 'info', fields: ['peer', 'server', 'is'] },
  'overload.changed': { level: 'warn', fields: ['levels', 'delay', 'inFlight', 'memory'] },
  'threat.blocked': { level: 'warn', fields: ['agent', 'server', 'score', 'signals'] },
  'threat.quarantined': { level: 'warn', fields: ['agent', 'peer'] },
  'audit.witnessed': { level: 'debug', fields: ['peer', 'seq'] },
  'audit.contradiction': { level: 'error', fields: ['node', 'by', 'kind', 'seq'] },
  'audit.flushed': { level: 'debug', fields: ['entries', 'durationMs'] },
  'config.reloaded': { level: 'info', fields: ['applied', 'wantsRestart'] },
  'config.invalid': { level: 'error', fields: ['problem'] },
  'gateway.certificate': { level: 'info', fields: ['pin', 'notAfter'] },
  'gateway.certificate-refused': { level: 'error', fields: ['problem'] },
  'background.failed': { level: 'error', fields: ['area', 'error'] },
};

export function isHeard(level: LogLevel, threshold: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(threshold);
}
