import type { PolicyView } from '../../src/constitution/index.ts';
import { utf8 } from '../../src/kernel/index.ts';
import { type Era, errorText, type RpcId, type RpcRequest } from '../../src/mcp/index.ts';
import { decide, type Principal } from '../../src/permissions/index.ts';
import { type Catalogue, type Entry, type PartKind, scopeOf, scopeOfAll, type View } from '../../src/routing/index.ts';
import { MISSING, type Missing, sayMissing } from './missing.ts';
import { permissionOf } from './resolve.ts';

/** method → where its items lie in a view, and under which name a result carries them. */
const LISTS = {
  'tools/list': { from: 'tools', as: 'tools', asks: 'tools/call', kind: 'tool' },
  'prompts/list': { from: 'prompts', as: 'prompts', asks: 'prompts/get', kind: 'prompt' },
  'resources/list': { from: 'resources', as: 'resources', asks: 'resources/read', kind: 'resource' },
  'resources/templates/list': {
    from: 'templates',
    as: 'resourceTemplates',
    asks: 'resources/read',
    kind: 'template',
  },
} as const;
type ListMethod = keyof typeof LISTS;

const MAX_CACHED = 512;
/** How long a stateless agent may keep a list without asking or listening. */
const LIST_TTL_MS = 5_000;

export function isList(method: string): method is ListMethod {
  return Object.hasOwn(LISTS, method);
}

/** Whether the description of a third party's part changed and is not to be read. */
export type Hides = (entry: Entry<unknown>, kind: PartKind) => boolean;

interface VillageNow {
  readonly catalogue: Catalogue;
  readonly policy: PolicyView;
  readonly missing: Pick<Missing, 'version' | 'list'>;
  readonly hides: Hides;
  /** Rises whenever `hides` may answer otherwise. */
  readonly pinsVersion: number;
}

/** The lists of one agent: everything it may use, in a fixed order, serialised once per catalogue and policy. */
export class Lists {
  readonly #cached = new Map<string, Uint8Array>();
  #catalogueVersion = -1;
  #policyRoot = '';
  #missingVersion = -1;
  #pinsVersion = -1;

  /** A whole JSON-RPC response. */
  answer(
    request: RpcRequest,
    asker: { readonly principal: Principal; readonly era: Era; readonly view: string | undefined },
    village: VillageNow,
  ): Uint8Array {
    const method = request.method as ListMethod;
    const { catalogue } = village;
    const view = asker.view === undefined ? catalogue.village : catalogue.views.get(asker.view);
    if (view === undefined) return utf8(errorText(request.id, whyNoView(asker, village.missing)));
    if (request.params?.['cursor'] !== undefined)
      return refused(request.id, 'unknown cursor: every list comes in one page');
    this.#forgetOld(village);
    const key = keyOf(method, asker);
    let result = this.#cached.get(key);
    if (result === undefined) {
      result = utf8(JSON.stringify(listed(view, method, asker, village)));
      if (this.#cached.size >= MAX_CACHED) this.#cached.delete(this.#cached.keys().next().value as string);
      this.#cached.set(key, result);
    }
    return enveloped(request.id, result);
  }

  #forgetOld({ catalogue, policy, missing, pinsVersion }: VillageNow): void {
    const same = catalogue.version === this.#catalogueVersion && policy.root === this.#policyRoot;
    if (same && missing.version === this.#missingVersion && pinsVersion === this.#pinsVersion) return;
    this.#pinsVersion = pinsVersion;
    this.#missingVersion = missing.version;
    this.#cached.clear();
    this.#catalogueVersion = catalogue.version;
    this.#policyRoot = policy.root;
  }
}

/** Whether `principal` finds `entry` in its lists: exactly when it may use it. */
export function mayUse(principal: Principal, entry: Entry<unknown>, asks: string, policy: PolicyView): boolean {
  const { service, ownName } = entry;
  const permission = permissionOf(policy, service, asks, ownName);
  const scope = asks === 'resources/read' ? scopeOfAll(service) : scopeOf(service, ownName);
  return decide(principal, scope, permission).kind === 'allow';
}

function listed(
  view: View,
  method: ListMethod,
  asker: { readonly principal: Principal; readonly era: Era },
  { policy, missing, hides }: VillageNow,
): object {
  const { from, as, asks, kind } = LISTS[method];
  const entries: Entry<unknown>[] = [...view[from].values()];
  const items = entries
    .filter((entry) => mayUse(asker.principal, entry, asks, policy) && !hides(entry, kind))
    .map((entry) => entry.definition);
  const lacking = view.service === undefined ? missing.list(asker.principal) : [];
  const meta = lacking.length === 0 ? {} : { _meta: { [MISSING]: lacking } };
  if (asker.era === 'session') return { [as]: items, ...meta };
  return { resultType: 'complete', [as]: items, ttlMs: LIST_TTL_MS, cacheScope: 'private', ...meta };
}

function keyOf(
  method: string,
  { principal, era, view }: { principal: Principal; era: Era; view: string | undefined },
): string {
  const narrowed = principal.permissions === undefined ? '*' : principal.permissions.join(' ');
  return `${method}\n${view ?? ''}\n${era}\n${principal.agentId}\n${principal.level}\n${narrowed}`;
}

function enveloped(id: RpcId, result: Uint8Array): Uint8Array {
  return Buffer.concat([utf8(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":`), result, CLOSE]);
}
const CLOSE = utf8('}');

/** A server that should be there is not unknown but unavailable. */
function whyNoView(
  asker: { readonly principal: Principal; readonly view: string | undefined },
  missing: VillageNow['missing'],
): Parameters<typeof errorText>[1] {
  const away = missing.list(asker.principal).find(({ server }) => server === asker.view);
  if (away !== undefined) return { name: 'NO_HEALTHY_SERVER', message: sayMissing(away) };
  return { name: 'INVALID_PARAMS', message: `there is no server ${asker.view}` };
}

function refused(id: RpcId, message: string): Uint8Array {
  return utf8(errorText(id, { name: 'INVALID_PARAMS', message }));
}
