import { gatewayRequest, type Trust } from '../trust/index.ts';

const POLL_MS = 200;
const PROBE_MS = 1_000;

type RunFileReader = () => { readonly gateway: string; readonly trust?: Trust | undefined } | undefined;

/** Knows where the local node's gateway is, and waits for it when it is nowhere. One poll serves all who wait. */
export class NodeWatch {
  readonly #readRunFile: RunFileReader;
  #known: string | undefined;
  #trust: Trust | undefined;
  #polling: Promise<string | undefined> | undefined;
  #until = 0;
  #closed = false;

  constructor(readRunFile: RunFileReader) {
    this.#readRunFile = readRunFile;
  }

  /** The URL of `/mcp` where the node was last seen ready, until it is said to be lost. */
  get gateway(): string | undefined {
    return this.#known;
  }

  /** How to know the node under TLS, as it was last written down. */
  get trust(): Trust | undefined {
    return this.#trust;
  }

  lost(): void {
    this.#known = undefined;
  }

  /** The gateway's URL once it answers that agents can call; undefined when `deadlineAt` (performance.now()) has passed. */
  async ready(deadlineAt: number): Promise<string | undefined> {
    while (performance.now() < deadlineAt && !this.#closed) {
      this.#until = Math.max(this.#until, deadlineAt);
      this.#polling ??= this.#poll().finally(() => {
        this.#polling = undefined;
      });
      const found = await withDeadline(this.#polling, deadlineAt);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  close(): void {
    this.#closed = true;
  }

  async #poll(): Promise<string | undefined> {
    while (performance.now() < this.#until && !this.#closed) {
      const { gateway, trust } = this.#readRunFile() ?? {};
      this.#trust = trust;
      if (gateway !== undefined && URL.canParse(gateway) && (await answers(new URL('/readyz', gateway), trust))) {
        this.#known = gateway;
        return gateway;
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return undefined;
  }
}

function answers(url: URL, trust: Trust | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    const req = gatewayRequest(url, { method: 'GET', trust });
    req.on('response', (res) => {
      res.resume();
      resolve(res.statusCode === 200);
    });
    req.setTimeout(PROBE_MS);
    req.on('timeout', () => req.destroy());
    req.on('error', () => resolve(false));
    req.end();
  });
}

async function withDeadline<T>(wait: Promise<T>, deadlineAt: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, deadlineAt - performance.now()), undefined);
  });
  try {
    return await Promise.race([wait, late]);
  } finally {
    clearTimeout(timer);
  }
}
