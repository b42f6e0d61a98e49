import type { Connection, Stream } from '@libp2p/interface';
import { streamPair } from '@libp2p/utils';
import type { AdmittedPeer, StreamHandler } from '../../node/host/mesh-host.ts';
import { type LinkParts, PeerLinks } from '../../node/peers/index.ts';
import { DeadlineTimer } from '../../node/router/deadline-timer.ts';
import type { Events } from '../../node/telemetry/events.ts';
import { echo, principal } from './mux-peers.ts';

/** Admitted nodes joined by stream pairs: what PeerLinks asks of a host, without sockets. */
export class PeerNetwork {
  readonly #handlers = new Map<string, StreamHandler>();
  /** Every stream opened, by its opener. */
  readonly opened: { readonly by: string; readonly ends: readonly [Stream, Stream] }[] = [];
  /** Waited for before a stream opens; rejecting makes the peer unreachable. */
  gate: () => Promise<void> = async () => {};
  /** Waited for before the opener learns that its stream is open, which the other side knows by then. */
  settled: (by: string) => Promise<void> = async () => {};

  node(nodeId: string, parts: Partial<LinkParts> = {}) {
    const reports: [string, unknown][] = [];
    const deadlines = new DeadlineTimer();
    const links = new PeerLinks({
      host: {
        nodeId,
        handle: (_protocol, handler) => void this.#handlers.set(nodeId, handler),
        openStream: (to) => this.#open(nodeId, to),
        admitted: () => new Map([...this.#handlers.keys()].map((id) => [id, { nodeId: id } as AdmittedPeer])),
        onAdmitted: () => () => {},
      },
      deadlines,
      reporter: { report: (name, detail) => void reports.push([name, detail as Events[keyof Events]]) },
      delegationFor: (who) => `delegation of ${who.agentId}`,
      accept: () => ({ kind: 'accepted', principal: principal(), expiresAtMs: Number.MAX_SAFE_INTEGER }),
      serve: echo,
      limits: { maxInFlightPerPeer: 256 },
      ...parts,
    });
    return { links, reports };
  }

  async #open(by: string, to: string): Promise<Stream> {
    await this.gate();
    const handler = this.#handlers.get(to);
    if (handler === undefined) throw new Error('nobody there');
    const ends = await streamPair();
    this.opened.push({ by, ends });
    await handler(ends[1], { nodeId: by, connection: {} as Connection });
    await this.settled(by);
    return ends[0];
  }
}
