export { type CallReuse, isIdempotent, reuseOf } from './call-reuse.ts';
export { Breaker, type BreakerRules } from './breaker.ts';
export {
  buildCatalogue,
  type Catalogue,
  type Entry,
  type PromptEntry,
  replicaOn,
  type ResourceEntry,
  resourceOwner,
  type TemplateEntry,
  type ToolEntry,
  type View,
} from './catalogue.ts';
export { chooseReplica, type Field } from './choose.ts';
export { type DefinitionPart, definitionParts, earlierParts, type PartKind, withoutWords } from './definition-parts.ts';
export { type DefinitionHashes, hashDefinition } from './definition-hash.ts';
export type { AwayServer, NodeDescriptor, ServerSummary } from './descriptor.ts';
export { levelToSee } from './level-to-see.ts';
export { Load } from './load.ts';
export {
  type Acceptance,
  type Instants,
  type KnownNode,
  type LocalServer,
  type Redefined,
  type Refusal,
  Registry,
} from './registry.ts';
export { networkOf } from './network-of.ts';
export { type Reading, ResultCache } from './result-cache.ts';
export { OnceBook } from './once-book.ts';
export { type OutlierRules, outliersAmong, type Sibling } from './outliers.ts';
export { type Avoided, ReplicaHealth } from './replica-health.ts';
export { concerns } from './resource-interest.ts';
export { SearchIndex, type Searchable, wordsOf } from './search.ts';
export { isRole, ROLES, type RoleName } from './roles.ts';
export { scopeOf, scopeOfAll, scopeOfRequest } from './scope.ts';
export type { Offer, Replica, Service } from './service.ts';
export { isEnded, type KnownTask, type NewTask, TaskBook } from './task-book.ts';
export { rateKeys } from './rate-key.ts';
export { type RateLimit, RateLimiter, type RateLimiterOptions } from './rate-limit.ts';
export { type Pressure, Shedding } from './shedding.ts';
export { SharedUsage } from './shared-usage.ts';
export { matchTemplate } from './uri-template.ts';
