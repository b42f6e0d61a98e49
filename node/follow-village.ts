import { barred } from './barred.ts';
import type { Directory } from './discovery/index.ts';
import type { Gateway } from './gateway/index.ts';
import type { DefinitionPins } from './pins/index.ts';
import type { Router } from './router/index.ts';
import type { EventBus } from './telemetry/index.ts';
import type { Village } from './village/index.ts';

/** What is decided and offered elsewhere reaches the calls under way here. Answers how to stop following. */
export function followVillage(parts: {
  readonly bus: EventBus;
  readonly directory: Directory;
  readonly village: Village;
  readonly router: Router;
  readonly pins: DefinitionPins;
  readonly gateway: () => Gateway;
}): () => void {
  const { bus, directory, village, router, pins, gateway } = parts;
  directory.onCatalogue(() => {
    pins.look(directory.catalogue().services);
    router.catalogueChanged();
  });
  village.onPolicy((policy) => {
    pins.reconsider();
    directory.reconsider();
    router.catalogueChanged();
    const gone = barred(policy);
    router.forget(gone);
    gateway().forget(gone);
  });
  const stops = [
    bus.on('tool.approved', () => router.catalogueChanged()),
    bus.on('directory.dropped', ({ peer, reason }) => router.nodeDropped(peer, reason)),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
