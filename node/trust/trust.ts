import { readFileSync } from 'node:fs';
import { Agent, type AgentOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { checkedPin, pinOf } from './pin.ts';
import { TlsError } from './tls-error.ts';

/** Which nodes a client of the gateway takes for its own, and how it shows who it is. All PEM. */
export interface Trust {
  /** The node's public key and no other, whoever vouches for it and whatever it is called: `sha256//BASE64`. */
  readonly pin?: string | undefined;
  /** The authority that vouches for the node's name, instead of those that Node knows. */
  readonly ca?: string | undefined;
  /** A client certificate with its key, where the node wants one. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

const HANDSHAKE_MS = 10_000;

/** Connections to an `https:` gateway under `trust`, TLS 1.3 and nothing older. Errors: TLS_PIN_MALFORMED. */
export function agentFor(trust: Trust, options: { keepAlive: boolean }): Agent {
  const { pin, ca, cert, key } = trust;
  const how: AgentOptions = { ...options, minVersion: 'TLSv1.3', ...defined({ ca, cert, key }) };
  return pin === undefined ? new Agent(how) : new PinnedAgent(checkedPin(pin), how);
}

/** The client certificate that a node keeps for the programs of its own data folder, at `PATH.crt` and `PATH.key`. */
export function clientCertificateAt(path: string): { readonly cert: string; readonly key: string } {
  return { cert: readFileSync(`${path}.crt`, 'utf8'), key: readFileSync(`${path}.key`, 'utf8') };
}

/** Hands a connection out only when the other end has proven the pinned key: not a byte is sent to anyone else. */
class PinnedAgent extends Agent {
  readonly #pin: string;

  constructor(pin: string, options: AgentOptions) {
    super(options);
    this.#pin = pin;
  }

  override createConnection(
    options: ConnectionOptions,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    // The handshake proves the key itself; an authority's word is wanted only where one was named.
    const socket = connect({
      ...options,
      rejectUnauthorized: options.ca !== undefined,
      checkServerIdentity: () => undefined,
    });
    const settled = (error: Error | null): void => {
      socket.setTimeout(0);
      for (const [event, listener] of watched) socket.off(event, listener);
      if (error !== null) socket.on('error', () => undefined).destroy();
      callback?.(error, socket);
    };
    const watched: [string, (error?: Error) => void][] = [
      ['secureConnect', () => settled(this.#refusal(socket))],
      ['error', (error) => settled(error ?? null)],
      ['close', () => settled(new TlsError('TLS_HANDSHAKE_FAILED', 'the node hung up before it was known'))],
      ['timeout', () => settled(new TlsError('TLS_HANDSHAKE_FAILED', 'the node did not say who it is in time'))],
    ];
    socket.setTimeout(HANDSHAKE_MS);
    for (const [event, listener] of watched) socket.on(event, listener);
    return undefined;
  }

  #refusal(socket: TLSSocket): TlsError | null {
    const certificate = socket.getPeerX509Certificate();
    if (certificate !== undefined && pinOf(certificate) === this.#pin) return null;
    return new TlsError('TLS_PIN_MISMATCH', 'another key than the pinned one answers at this address');
  }
}

function defined<T extends object>(values: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]?: Exclude<T[Key], undefined>;
  };
}
