import type { Foundation } from './assemble.ts';
import type { AdminParts } from './open-admin.ts';
import { RecentTroubles, type Trouble, troublesOf } from './troubles/index.ts';

/** What an operator should know, each time that it is asked for. Listens from now on for what nobody else remembers. */
export function openTroubles(foundation: Foundation, parts: AdminParts): () => readonly Trouble[] {
  const { bus, keys, village, loaded, tracing } = foundation;
  const { identity, host, hosting, router, pins, audit, witnesses, auditFigures, governance, fogging, tls } = parts;
  const recent = new RecentTroubles(bus);
  const hasOthers = (): boolean =>
    village.inviterAddresses().length > 0 || loaded().config.bootstrap.length > 0 || witnesses.status().witnesses > 0;
  return () =>
    troublesOf({
      servers: {
        ...{ hosting, router, pins, recent },
        changedAreBlocked: () => village.policy().value('tools.changed') === 'block',
      },
      calls: { router, recent, nodeId: keys.nodeId, epochMs: () => Date.now() - performance.now() },
      mesh: { admitted: () => host.admitted(), recent, hasOthers },
      record: {
        recent,
        failure: () => audit.failure,
        unwitnessed: () => {
          const { unwitnessed: entries, unwitnessedSeconds: seconds } = auditFigures();
          return { entries, seconds };
        },
        witnesses: () => witnesses.status(),
        everySeconds: () => loaded().config.audit.witnessEverySeconds,
        peers: () => host.admitted().size,
      },
      standing: {
        ...{ village, governance, fog: fogging.fog, recent, now: Date.now },
        voters: () => Object.keys(village.constitution.voters).filter((name) => identity.keystore.has(name)),
        certificateEndsMs: () => tls?.certificate.notAfterMs,
        tracing: tracing && (() => tracing.figures()),
      },
    });
}
