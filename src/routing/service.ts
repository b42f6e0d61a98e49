import type { ServerAccess, ServerDefinition } from '../mcp/index.ts';

/** One place where a service runs. */
export interface Replica {
  readonly nodeId: string;
  /** The server's name on that node. */
  readonly alias: string;
  readonly local: boolean;
  readonly definitionHash: string;
  readonly firstSeenMs: number;
  /** It finishes what runs and begins nothing. */
  readonly draining?: boolean | undefined;
}

/** One server as a node offers it: what the registry collects before names are given. */
export interface Offer extends Replica {
  readonly kind: 'role' | 'third_party';
  readonly definition: ServerDefinition;
}

/** The same server (alias and definition) on every node that offers it. A role is one service whatever its version. */
export interface Service {
  /** What `/mcp/LABEL` and the prefix say: the alias, or `alias-<4 of node id>` where an older service has the name. */
  readonly label: string;
  readonly alias: string;
  readonly kind: 'role' | 'third_party';
  readonly definition: ServerDefinition;
  readonly definitionHash: string;
  /** undefined for a role. */
  readonly access: ServerAccess | undefined;
  /** Local first, then the oldest. */
  readonly replicas: readonly Replica[];
  /** Nodes that run this role in another version: they answer calls that name them. Empty for third parties. */
  readonly otherVersions: readonly Replica[];
}

/** Oldest first, then by node id: the one order that every node finds. */
function byAge(one: Replica, other: Replica): number {
  return (
    one.firstSeenMs - other.firstSeenMs ||
    compare(one.nodeId, other.nodeId) ||
    compare(one.alias, other.alias) ||
    compare(one.definitionHash, other.definitionHash)
  );
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Groups what all nodes offer into services with labels: roles first, then the oldest. The order of `offers` does not matter. */
export function groupServices(offers: readonly Offer[]): Service[] {
  const sorted = [...offers].sort(byAge);
  const labels = new Set<string>();
  return [...rolesOf(sorted, labels), ...thirdPartiesOf(sorted, labels)];
}

function rolesOf(sorted: readonly Offer[], labels: Set<string>): Service[] {
  const groups = Map.groupBy(
    sorted.filter((offer) => offer.kind === 'role'),
    (offer) => offer.alias,
  );
  return [...groups.keys()].sort(compare).map((alias) => {
    const offers = groups.get(alias) as Offer[];
    // What this node runs itself is what it shows: a peer that claims great age must not write our tools' descriptions.
    const shown = offers.find((offer) => offer.local) ?? (offers[0] as Offer);
    labels.add(alias);
    return {
      ...common(shown, alias),
      replicas: replicasOf(offers.filter((offer) => offer.definitionHash === shown.definitionHash)),
      otherVersions: replicasOf(offers.filter((offer) => offer.definitionHash !== shown.definitionHash)),
    };
  });
}

function thirdPartiesOf(sorted: readonly Offer[], labels: Set<string>): Service[] {
  const groups = Map.groupBy(
    sorted.filter((offer) => offer.kind === 'third_party'),
    (offer) => `${offer.alias}\n${offer.definitionHash}`,
  );
  // Each group's first offer is its oldest, and a Map keeps the order in which groups began: oldest service first.
  const services = [...groups.values()];
  const plain = new Set<string>();
  const first = services.filter(([oldest]) => {
    const alias = (oldest as Offer).alias;
    if (plain.has(alias)) return false;
    plain.add(alias);
    return true;
  });
  const rest = services.filter((group) => !first.includes(group));
  const labelled = new Map<readonly Offer[], string>();
  for (const group of [...first, ...rest]) {
    const label = labelFor(group[0] as Offer, labels);
    labels.add(label);
    labelled.set(group, label);
  }
  return services.map((group) => {
    const label = labelled.get(group) as string;
    return { ...common(group[0] as Offer, label), replicas: replicasOf(group), otherVersions: [] };
  });
}

function labelFor(oldest: Offer, labels: ReadonlySet<string>): string {
  if (!labels.has(oldest.alias)) return oldest.alias;
  for (let digits = 4; ; digits += 4) {
    const label = `${oldest.alias}-${oldest.nodeId.slice(-digits)}`;
    if (!labels.has(label)) return label;
    if (digits >= oldest.nodeId.length) return `${label}-${oldest.definitionHash}`;
  }
}

function common(shown: Offer, label: string): Omit<Service, 'replicas' | 'otherVersions'> {
  const { alias, kind, definition, definitionHash } = shown;
  return { label, alias, kind, definition, definitionHash, access: definition.access };
}

function replicasOf(offers: readonly Offer[]): Replica[] {
  const replicas = offers.map(({ nodeId, alias, local, definitionHash, firstSeenMs, draining }) => ({
    nodeId,
    alias,
    local,
    definitionHash,
    firstSeenMs,
    ...(draining === true ? { draining } : {}),
  }));
  return replicas.sort((one, other) => Number(other.local) - Number(one.local) || byAge(one, other));
}
