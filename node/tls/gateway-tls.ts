import { join } from 'node:path';
import type { Reporter } from '../telemetry/index.ts';
import type { Certificate } from './certificate.ts';
import { authorities, givenCertificate } from './given-certificate.ts';
import { ownCertificate } from './own-certificate.ts';

export interface GatewayTlsOptions {
  /** The folder of this node's keys. */
  readonly keysDir: string;
  /** Files of a certificate and its key, instead of one that the node gives itself. */
  readonly given: { readonly cert: string; readonly key: string } | undefined;
  /** A file with the authorities whose client certificates are taken, and without which nobody is served. */
  readonly clientCa: string | undefined;
  /** What the node's own certificate is to be good for: names and addresses. */
  readonly names: readonly string[];
  readonly reporter: Reporter;
  readonly now?: () => number;
  /** How often the files are looked at. */
  readonly lookEveryMs?: number;
}

/** What `node:https` is told: TLS 1.3 and nothing else. */
export interface TlsSettings {
  readonly minVersion: 'TLSv1.3';
  readonly maxVersion: 'TLSv1.3';
  readonly cert: string;
  readonly key: string;
  readonly ca?: string[];
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
}

const LOOK_MS = 10_000;

interface Files {
  readonly certificate: Certificate;
  readonly clientCa: string | undefined;
  /** The client certificate for programs of this data folder. */
  readonly local: Certificate | undefined;
}

/**
 * The gateway's certificate: given, or made by the node at its first start and renewed before it ends. Changed files come into force
 * without a restart, once they pass; until then the old ones stay.
 */
export class GatewayTls {
  readonly #options: GatewayTlsOptions;
  readonly #listeners = new Set<() => void>();
  readonly #timer: NodeJS.Timeout;
  #files: Files;
  /** Of a look that failed: it is told once. */
  #problem: string | undefined;

  /** Errors: TlsError, IdentityError (KEY_EXPOSED and its like) when what is given cannot be used. */
  constructor(options: GatewayTlsOptions) {
    this.#options = options;
    this.#files = this.#read();
    this.#timer = setInterval(() => this.look(), options.lookEveryMs ?? LOOK_MS).unref();
    this.#report();
  }

  get certificate(): Omit<Certificate, 'cert' | 'key'> {
    const { pin, fingerprint, notBeforeMs, notAfterMs } = this.#files.certificate;
    return { pin, fingerprint, notBeforeMs, notAfterMs };
  }

  /** Where the client certificate for programs of this data folder lies (`PATH.crt`, `PATH.key`), where one is wanted of clients. */
  get localClient(): string | undefined {
    return this.#files.local === undefined ? undefined : this.#localPath;
  }

  settings(): TlsSettings {
    const { certificate, clientCa, local } = this.#files;
    const { cert, key } = certificate;
    const wanted = clientCa !== undefined;
    return {
      ...{ minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3', cert, key, requestCert: wanted, rejectUnauthorized: wanted },
      ...(wanted ? { ca: [clientCa, local?.cert ?? ''].filter((pem) => pem !== '') } : {}),
    };
  }

  /** Hears of each change of what `settings` says. Answers how to stop. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Looks whether files changed or a certificate nears its end. Runs by itself every 10 s. */
  look(): void {
    let read: Files;
    try {
      read = this.#read();
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (problem !== this.#problem) this.#options.reporter.report('gateway.certificate-refused', { problem });
      this.#problem = problem;
      return;
    }
    this.#problem = undefined;
    if (textOf(read) === textOf(this.#files)) return;
    this.#files = read;
    this.#report();
    for (const listener of this.#listeners) listener();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
  get #localPath(): string {
    return join(this.#options.keysDir, 'gateway-local');
  }

  #read(): Files {
    const { given, clientCa, keysDir, names, now = Date.now } = this.#options;
    const nowMs = now();
    const certificate =
      given === undefined
        ? ownCertificate({ path: join(keysDir, 'gateway-tls'), use: 'server', names, nowMs })
        : givenCertificate(given);
    if (clientCa === undefined) return { certificate, clientCa, local: undefined };
    const local = ownCertificate({ path: this.#localPath, use: 'client', names: [], nowMs });
    return { certificate, clientCa: authorities(clientCa), local };
  }

  #report(): void {
    const { pin, notAfterMs } = this.#files.certificate;
    const notAfter = new Date(notAfterMs).toISOString();
    this.#options.reporter.report('gateway.certificate', { pin, notAfter });
  }
}

function textOf({ certificate, clientCa = '', local }: Files): string {
  return [certificate.cert, certificate.key, clientCa, local?.cert].join('\n');
}
