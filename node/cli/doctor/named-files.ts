import { resolve } from 'node:path';
import { VillageError } from '../../../src/kernel/index.ts';
import { collectorHeaders } from '../../collector-headers.ts';
import type { Config } from '../../config/index.ts';
import { authorities, givenCertificate } from '../../tls/index.ts';
import { type Finding, fine, problem, warning } from './finding.ts';

const SOON_MS = 14 * 24 * 3_600_000;

/** Files that the configuration names, and without which the node would not start or nobody would trust it. */
export function checkNamedFiles(
  { telemetry, gatewayTls }: Pick<Config, 'telemetry' | 'gatewayTls'>,
  { dataDir, nowMs }: { readonly dataDir: string; readonly nowMs: number },
): Finding[] {
  const findings: Finding[] = [];
  const { cert, key, clientCa } = gatewayTls ?? {};
  if (cert !== undefined && key !== undefined) {
    const files = { cert: resolve(dataDir, cert), key: resolve(dataDir, key) };
    findings.push(read('gateway certificate', () => checkDates(givenCertificate(files), files.cert, nowMs)));
  }
  if (clientCa !== undefined) {
    const file = resolve(dataDir, clientCa);
    findings.push(
      read('authorities of clients', () => {
        authorities(file);
        return fine('authorities of clients', file);
      }),
    );
  }
  const headersFile = telemetry.otlp?.headersFile;
  if (headersFile !== undefined) {
    findings.push(
      read('headers for traces', () => {
        const names = Object.keys(collectorHeaders(headersFile, dataDir));
        return fine('headers for traces', names.join(', '));
      }),
    );
  }
  return findings;
}

function checkDates(
  { notBeforeMs, notAfterMs }: { readonly notBeforeMs: number; readonly notAfterMs: number },
  file: string,
  nowMs: number,
): Finding {
  const check = 'gateway certificate';
  const [begins, ends] = [new Date(notBeforeMs).toISOString(), new Date(notAfterMs).toISOString()];
  const remedy = `put a new one into ${file} and its key; a running node takes it by itself`;
  if (notAfterMs <= nowMs) return problem(check, `it ended on ${ends}`, remedy);
  if (notBeforeMs > nowMs) return problem(check, `it is not good before ${begins}`, 'see that the clock is right');
  if (notAfterMs - nowMs < SOON_MS) return warning(check, `it ends on ${ends}`, remedy);
  return fine(check, `good until ${ends}`);
}

function read(check: string, look: () => Finding): Finding {
  try {
    return look();
  } catch (error) {
    if (!(error instanceof VillageError)) throw error;
    return problem(check, error.message, error.hint ?? 'mend the file');
  }
}
