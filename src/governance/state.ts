import type { Constitution, PolicyValue } from '../constitution/index.ts';
import { canonicalJson, sha256Hex } from '../kernel/index.ts';
import { GENESIS } from './body.ts';
import type { Folded } from './fold.ts';
import type { LaidEntry } from './overlay.ts';
import type { Switches } from './switches.ts';
import type { Decision, PolicyEntry, PolicyState } from './views.ts';

const EVICTED = 'nodes.evicted';
const RIGHTS = 'nodes.rights.';

export interface StateContext {
  readonly constitution: Constitution;
  readonly folded: Folded;
  readonly overlay: readonly LaidEntry[];
  readonly calls: readonly Decision[];
  readonly homes: ReadonlySet<string>;
  /** The epoch in force: its number and what made it. */
  readonly epoch: { readonly ep: number; readonly base: string };
  readonly off: Switches;
}

/** What is in force: the voted policy with the overlay above it. */
export function stateOf(context: StateContext): PolicyState {
  const { folded, epoch } = context;
  const overlay = context.overlay.filter(({ ended }) => ended !== 'void');
  const inForce = overlay.filter((entry) => entry.inForce);
  const suppressed = new Set(
    inForce.flatMap(({ kind, proposal }) => (kind === 'suppress' && proposal !== undefined ? [proposal] : [])),
  );
  const keys = new Set([...folded.current.keys(), ...overlay.flatMap(({ writes }) => writes.map(({ key }) => key))]);
  const entries = new Map<string, PolicyEntry>();
  for (const key of [...keys].sort()) {
    const entry = entryOf(key, suppressed, inForce, context);
    if (entry !== undefined) entries.set(key, entry);
  }
  const standing = new Map<string, 'in-force' | 'superseded' | 'suppressed'>(folded.standing);
  for (const id of suppressed) if (standing.get(id) === 'in-force') standing.set(id, 'suppressed');
  const held = heldBy(inForce);
  const calls = [...context.calls].sort((one, other) => (one.id < other.id ? -1 : 1));
  const root = sha256Hex(
    canonicalJson({
      ep: epoch.ep,
      epoch: epoch.base,
      entries: [...entries],
      overlay: inForce.map(({ id }) => id).sort(),
      held: Object.values(held).map((ids) => [...ids].sort()),
      calls: calls.map(({ id }) => id),
    }),
  );
  return { entries, standing, overlay: context.overlay, held, calls, root };
}

function entryOf(
  key: string,
  suppressed: ReadonlySet<string>,
  inForce: readonly LaidEntry[],
  context: StateContext,
): PolicyEntry | undefined {
  const { folded, overlay, off } = context;
  const base = folded.current.get(key) ?? GENESIS;
  const above = inForce.findLast(({ writes }) =>
    writes.some((write) => write.key === key && (write.base === base || off.has('overlay-binds-base'))),
  );
  const laid = overlay.filter(({ writes, ended }) => ended !== 'void' && writes.some((write) => write.key === key));
  const version =
    (folded.depth.get(key) ?? 0) +
    laid.length +
    laid.filter((entry) => !entry.inForce).length +
    (suppressed.has(base) ? 1 : 0);
  const laidValue = above?.writes.find((write) => write.key === key)?.value;
  const value =
    laidValue === undefined ? votedValue(key, base, suppressed, context) : sparingHomes(key, laidValue, context);
  if (value === undefined) return undefined;
  return { value, version, base, ...(above === undefined ? {} : { overlay: above.id }) };
}

/** The value of a version, or of the one it replaced where it is suppressed. */
function votedValue(
  key: string,
  base: string,
  suppressed: ReadonlySet<string>,
  context: StateContext,
): PolicyValue | undefined {
  const { folded, constitution } = context;
  let version = base;
  for (;;) {
    const decision = folded.decisions.get(version);
    const write = decision?.actions.find((action) => action.op === 'set' && action.key === key);
    if (decision === undefined || write?.op !== 'set') return genesisValue(key, constitution);
    if (!suppressed.has(version)) {
      return decision.type === 'critical_change' ? write.value : sparingHomes(key, write.value, context);
    }
    version = write.base;
  }
}

/** Below a critical decision a node that holds a voter's key is neither evicted nor narrowed until the key has moved. */
function sparingHomes(key: string, value: PolicyValue, { homes, off }: StateContext): PolicyValue {
  if (off.has('homes-are-exempt')) return value;
  if (key === EVICTED && Array.isArray(value)) return value.filter((node) => !homes.has(String(node)));
  return key.startsWith(RIGHTS) && homes.has(key.slice(RIGHTS.length)) ? null : value;
}

function genesisValue(key: string, { policy, agents }: Constitution): PolicyValue | undefined {
  if (Object.hasOwn(policy, key)) return policy[key];
  const agent = key.startsWith('agents.levels.') ? key.slice('agents.levels.'.length) : '';
  return Object.hasOwn(agents, agent) ? agents[agent]?.level : undefined;
}

function heldBy(inForce: readonly LaidEntry[]): PolicyState['held'] {
  const of = (kind: string): ReadonlySet<string> =>
    new Set(inForce.flatMap(({ target }) => (target?.kind === kind ? [target.id] : [])));
  return { node: of('node'), token: of('token'), agent: of('agent') };
}
