import { outliersAmong, type Replica, type ReplicaHealth, type Service } from '../../src/routing/index.ts';

const LOOK_EVERY_MS = 1_000;

/** Compares the replicas of a service with each other, at most once a second and only while it is called. */
export class Siblings {
  readonly #lookedAt = new WeakMap<Service, number>();
  readonly #healthOf: (replica: Replica) => ReplicaHealth | undefined;

  constructor(healthOf: (replica: Replica) => ReplicaHealth | undefined) {
    this.#healthOf = healthOf;
  }

  /** A call of this service ended. */
  seen(service: Service, nowMs: number): void {
    const lookedAt = this.#lookedAt.get(service);
    if (lookedAt !== undefined && nowMs - lookedAt < LOOK_EVERY_MS) return;
    this.#lookedAt.set(service, nowMs);
    if (lookedAt === undefined) return;
    const known = service.replicas.map(this.#healthOf).filter((one) => one !== undefined);
    const standings = known.map((health) => health.standing(nowMs));
    const outliers = new Set(outliersAmong(standings));
    for (const [index, health] of known.entries()) {
      if (outliers.has(index)) health.eject(nowMs);
      else if ((standings[index]?.calls ?? 0) > 0) health.decay();
    }
  }
}
