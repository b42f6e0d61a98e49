import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { sha256 } from '../../src/kernel/index.ts';
import { AdminError } from './admin-error.ts';
import type { AdminHandlers } from './answers.ts';
import { isFromHere } from './from-here.ts';
import { OPENMETRICS_CONTENT_TYPE } from '../telemetry/index.ts';
import { readBody } from './read-body.ts';
import { sendError, sendText } from './send.ts';
import { answerStream, answerVerb, isStream, isVerb } from './dispatch.ts';

export interface AdminServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Of this run; see run.json. */
  readonly secret: string;
  readonly handlers: AdminHandlers;
  /** OpenMetrics text. */
  readonly metrics: () => string | Promise<string>;
  /** Why the node is unwell, or undefined. */
  readonly problem: () => string | undefined;
  /** Errors that no handler named: bugs, or something we relied on. */
  readonly onError: (error: unknown) => void;
  readonly allowedHosts?: readonly string[] | undefined;
}

const STOP_TIMEOUT_MS = 2000;

/** Metrics and health for anyone who reaches it; everything else for who holds the secret of `run.json`. */
export class AdminServer {
  readonly #options: AdminServerOptions;
  readonly #server: Server;
  readonly #secretHash: Uint8Array;
  readonly #stopping = new AbortController();
  #origin = '';

  constructor(options: AdminServerOptions) {
    this.#options = options;
    this.#secretHash = sha256(options.secret);
    this.#server = createServer({
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      keepAliveTimeout: 5000,
      maxHeaderSize: 16_384,
    });
    this.#server.maxConnections = 128;
    this.#server.on('request', (request, response) => {
      this.#answer(request, response).catch((error: unknown) => this.#fail(response, error));
    });
  }

  /** Listens; answers the origin, `http://127.0.0.1:7118`. Errors: ADDRESS_TAKEN, ADDRESS_UNUSABLE. */
  async start(): Promise<string> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) => reject(unusable(error, host, port)));
      this.#server.listen({ host, port }, resolve);
    });
    this.#server.removeAllListeners('error').on('error', this.#options.onError);
    const address = this.#server.address();
    const bound = typeof address === 'object' && address !== null ? address.port : port;
    this.#origin = `http://${host.includes(':') ? `[${host}]` : host}:${bound}`;
    return this.#origin;
  }

  /** Stops listening, ends streams, and gives requests under way two seconds. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), STOP_TIMEOUT_MS);
    await closed;
    clearTimeout(timer);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('cache-control', 'no-store');
    if (!isFromHere(request, this.#origin, this.#options.allowedHosts ?? [])) {
      return sendError(response, 403, { code: 'FORBIDDEN', message: 'this Host or Origin is not allowed' });
    }
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    if (path === '/healthz' || path === '/metrics' || path === '/') return this.#open(path, request, response);
    if (!this.#holdsSecret(request)) {
      response.setHeader('www-authenticate', 'Bearer');
      return sendError(response, 401, {
        code: 'UNAUTHENTICATED',
        message: 'this address wants the secret of run.json as a bearer token',
      });
    }
    return this.#verb(path, request, response);
  }

  async #open(path: '/healthz' | '/metrics' | '/', request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      return sendError(response, 405, { code: 'METHOD_NOT_ALLOWED', message: 'GET or HEAD' });
    }
    if (path === '/metrics') return sendText(response, 200, OPENMETRICS_CONTENT_TYPE, await this.#options.metrics());
    if (path === '/') return sendText(response, 501, 'text/plain; charset=utf-8', 'dashboard: not built\n');
    const problem = this.#options.problem();
    const body = problem === undefined ? { status: 'ok' } : { status: 'unwell', problem };
    return sendText(response, problem === undefined ? 200 : 503, 'application/json', `${JSON.stringify(body)}\n`);
  }

  async #verb(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const name = path.startsWith('/admin/') ? path.slice('/admin/'.length) : '';
    if (!isVerb(name) && !isStream(name))
      return sendError(response, 404, { code: 'NOT_FOUND', message: 'there is no such verb' });
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST');
      return sendError(response, 405, { code: 'METHOD_NOT_ALLOWED', message: 'POST' });
    }
    const body = await readBody(request, response);
    if (body === undefined) return;
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const context = {
      response,
      signal: AbortSignal.any([gone.signal, this.#stopping.signal]),
      handlers: this.#options.handlers,
      onError: this.#options.onError,
    };
    return isVerb(name) ? answerVerb(name, body.value, context) : answerStream(name, body.value, context);
  }

  #holdsSecret(request: IncomingMessage): boolean {
    const presented = /^Bearer ([A-Za-z0-9_-]{1,256})$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
    return timingSafeEqual(sha256(presented), this.#secretHash);
  }

  #fail(response: ServerResponse, error: unknown): void {
    this.#options.onError(error);
    if (response.headersSent) response.destroy();
    else sendError(response, 500, { code: 'INTERNAL', message: 'the node failed; its log says why' });
  }
}

function unusable(error: NodeJS.ErrnoException, host: string, port: number): AdminError {
  if (error.code === 'EADDRINUSE') {
    return new AdminError('ADDRESS_TAKEN', `the admin address ${host}:${port} is taken (--admin)`, {
      cause: error,
      hint: 'choose another with --admin HOST:PORT; port 0 takes any free one',
    });
  }
  return new AdminError('ADDRESS_UNUSABLE', `cannot listen on the admin address ${host}:${port} (--admin)`, {
    cause: error,
  });
}
