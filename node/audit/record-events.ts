import { type AuditRecord, EMPTY_RECORD } from '../../src/audit/index.ts';
import { toHex } from '../../src/kernel/index.ts';
import type { EventBus } from '../telemetry/events.ts';
import type { AuditLog } from './audit-log.ts';

/** Puts on record what peers and operators did; calls record themselves. */
export function recordEvents(bus: EventBus, audit: Pick<AuditLog, 'record'>): void {
  const record = (facts: Partial<AuditRecord>) => audit.record({ ...EMPTY_RECORD, ...facts });
  bus.on('admission.granted', ({ peer, ticket }) =>
    record({ kind: 'admission', method: 'redeem', peer, target: ticket }),
  );
  bus.on('admission.refused', ({ peer, reason }) =>
    record({ kind: 'admission', method: 'redeem', peer, outcome: 'denied', reason }),
  );
  bus.on('peer.refused', ({ peer, reason }) =>
    record({ kind: 'admission', method: 'hello', peer, outcome: 'denied', reason }),
  );
  bus.on('peer.misbehaved', ({ peer, protocol, reason }) =>
    record({ kind: 'refusal', method: protocol, peer, outcome: 'denied', reason }),
  );
  bus.on(
    'peer.denied',
    ({ peer, reason, because = reason, callId, agentId = '', method = '', server = '', target = '' }) =>
      record({
        ...{ kind: 'refusal', outcome: 'denied', reason: because, peer, agentId, method, server, target },
        callId: callId === undefined ? '' : toHex(callId),
      }),
  );
  bus.on('token.issued', ({ agent, tokenId, level }) =>
    record({ method: 'oauth.token', agentId: agent, tokenId, level }),
  );
  bus.on('village.entered', ({ village, how }) => record({ method: how, target: village }));
  const governance = (facts: Partial<AuditRecord>) => record({ kind: 'governance', ...facts });
  bus.on('governance.signed', ({ voter, kind, statement }) =>
    governance({ agentId: voter, method: `sign.${kind}`, target: statement }),
  );
  bus.on('governance.decided', ({ proposal, outcome }) =>
    governance({ method: 'decided', target: proposal, reason: outcome }),
  );
  bus.on('governance.equivocation', ({ voter, about }) =>
    governance({ agentId: voter, method: 'equivocation', reason: about }),
  );
  bus.on('governance.halted', ({ voter }) => governance({ agentId: voter, method: 'halted' }));
  bus.on('audit.contradiction', ({ node, by, kind, seq }) =>
    record({ method: 'audit.contradiction', peer: by, agentId: node, target: String(seq), reason: kind }),
  );
  bus.on('threat.quarantined', ({ agent, peer }) => record({ method: 'threat.quarantined', agentId: agent, peer }));
  bus.on('tool.changed', ({ peer, server, kind, name, was, is }) =>
    record({ method: `${kind}.changed`, peer, server, target: name, content: JSON.stringify({ was, is }) }),
  );
  bus.on('tool.approved', ({ peer, server, kind, name, is }) =>
    record({ method: `${kind}.approved`, peer, server, target: name, content: JSON.stringify({ is }) }),
  );
  bus.on('overload.changed', ({ levels, delay, inFlight, memory }) =>
    record({ method: 'overload', target: String(levels), reason: `delay ${delay} calls ${inFlight} memory ${memory}` }),
  );
  bus.on('fog.changed', ({ of, id, to, because, peer, fence }) =>
    record({ kind: 'fog', method: `${of}.${to}`, target: fence === '' ? id : `${id} ${fence}`, peer, reason: because }),
  );
  bus.on('fog.halted', ({ area }) => record({ kind: 'fog', method: 'halted', reason: area }));
  bus.on('config.reloaded', ({ applied, wantsRestart }) => {
    if (applied.length > 0) record({ method: 'config', target: applied.join(' ') });
    if (wantsRestart.length > 0) record({ method: 'config.pending', target: wantsRestart.join(' ') });
  });
}
