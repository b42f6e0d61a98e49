import { statfs } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import type { Foundation } from './assemble.ts';
import { isLoopback } from './gateway/index.ts';
import type { AdminParts } from './open-admin.ts';
import { RecentTroubles, type Trouble, troublesOf } from './troubles/index.ts';

/** A disk that hangs is not waited for. */
const DISK_ANSWERS_MS = 500;

/** What an operator should know, each time that it is asked for. Listens from now on for what nobody else remembers. */
export function openTroubles(foundation: Foundation, parts: AdminParts): () => Promise<readonly Trouble[]> {
  const { dataDir, bus, keys, village, loaded, tracing } = foundation;
  const { identity, host, hosting, router, pins, audit, witnesses, auditFigures, governance, fogging, tls } = parts;
  const recent = new RecentTroubles(bus);
  const hasOthers = (): boolean =>
    village.inviterAddresses().length > 0 || loaded().config.bootstrap.length > 0 || witnesses.status().witnesses > 0;
  return async () => {
    const free = await freeBytes(dataDir);
    return troublesOf({
      servers: {
        ...{ hosting, router, pins, recent },
        changedAreBlocked: () => village.policy().value('tools.changed') === 'block',
      },
      calls: { router, recent, nodeId: keys.nodeId, epochMs: () => Date.now() - performance.now() },
      mesh: { admitted: () => host.admitted(), recent, hasOthers },
      record: {
        recent,
        failure: () => audit.failure,
        freeBytes: () => free,
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
        policy: () => village.policy(),
        voters: () => Object.keys(village.constitution.voters).filter((name) => identity.keystore.has(name)),
        certificateEndsMs: () => tls?.certificate.notAfterMs,
        plainGateway: () => (tls === undefined ? exposed(parts.addresses.gateway) : undefined),
        tracing: tracing && (() => tracing.figures()),
      },
    });
  };
}

/** HOST:PORT of the gateway, where others than this machine reach it. */
function exposed(gateway: string): string | undefined {
  const { host, hostname } = URL.parse(gateway) ?? {};
  return hostname === undefined || isLoopback(hostname) ? undefined : host;
}

/** undefined: the file system cannot say, or not now. */
async function freeBytes(folder: string): Promise<number | undefined> {
  const asked = statfs(folder).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => undefined,
  );
  return Promise.race([asked, setTimeout(DISK_ANSWERS_MS, undefined, { ref: false })]);
}
