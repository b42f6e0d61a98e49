import { type GossipSub, TopicValidatorResult } from '@libp2p/gossipsub';
import { HostError } from './host-error.ts';
import { MAX_GOSSIP_BYTES } from './libp2p-node.ts';
import type { VillageNames } from './village-protocols.ts';

type Accept = (data: Uint8Array, from: string) => boolean;

/** The topics of this node. Gossip is a hint: who needs certainty pulls as well. */
export class GossipTopics {
  readonly #names: VillageNames;
  readonly #accept = new Map<string, Accept>();

  constructor(names: VillageNames) {
    this.#names = names;
  }

  ids(): string[] {
    return [...this.#accept.keys()].map((topic) => this.#names.topic(topic));
  }

  add(topic: string, accept: Accept): void {
    this.#accept.set(topic, accept);
  }

  /** Takes part in every topic. A validator sees each foreign message once, so it delivers it too. */
  join(pubsub: GossipSub): void {
    for (const [topic, accept] of this.#accept) {
      const id = this.#names.topic(topic);
      pubsub.topicValidators.set(id, (_relay, message) => {
        if (message.type !== 'signed') return TopicValidatorResult.Reject;
        return accept(message.data, message.from.toString())
          ? TopicValidatorResult.Accept
          : TopicValidatorResult.Reject;
      });
      pubsub.subscribe(id);
    }
  }

  async publish(pubsub: GossipSub, topic: string, data: Uint8Array): Promise<void> {
    if (data.length > MAX_GOSSIP_BYTES - 1024) {
      throw new HostError('MESSAGE_TOO_LARGE', `${data.length} bytes are too many for gossip`);
    }
    await pubsub.publish(this.#names.topic(topic), data);
  }
}
