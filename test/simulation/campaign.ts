/** What a script needs of a simulator. */
interface Simulator<Mutant extends { readonly where: string; readonly rule: string }> {
  readonly simulate: (
    seed: number,
    mutant?: Mutant,
  ) => {
    readonly counts: ReadonlyMap<string, number>;
    readonly violation?: { readonly what: string } | undefined;
    readonly theme: string;
  };
  readonly mutants: readonly Mutant[];
}

const SHOWN = 20;

/** `count` villages from seed `first`, each invariant checked after every step; whether all held. */
export function villages<M extends { readonly where: string; readonly rule: string }>(
  { simulate }: Simulator<M>,
  { first, count }: { readonly first: number; readonly count: number },
): boolean {
  const totals = new Map<string, number>();
  const started = performance.now();
  let failed = 0;
  for (let seed = first; seed < first + count; seed += 1) {
    const { counts, violation, theme } = simulate(seed);
    for (const [what, often] of counts) totals.set(what, (totals.get(what) ?? 0) + often);
    if (violation === undefined) continue;
    failed += 1;
    if (failed <= SHOWN) console.log(`seed ${seed} (${theme}): ${violation.what}`);
  }
  const seconds = (performance.now() - started) / 1000;
  for (const [what, often] of [...totals].sort()) console.log(`${String(often).padStart(9)}  ${what}`);
  console.log(`${count} seeds from ${first}: ${failed} failed, ${seconds.toFixed(1)} s`);
  return failed === 0;
}

/** For each rule, or `only` this one, the first of `limit` seeds that fails without it; whether each has one. */
export function withoutRules<M extends { readonly where: string; readonly rule: string }>(
  simulator: Simulator<M>,
  { limit, only }: { readonly limit: number; readonly only?: string | undefined },
): boolean {
  let alive = 0;
  for (const mutant of simulator.mutants.filter(({ rule }) => only === undefined || rule === only)) {
    const killer = killerOf(mutant, { simulator, limit });
    if (killer === undefined) alive += 1;
    const how = killer === undefined ? 'SURVIVES' : `seed ${killer.seed}, ${killer.what}`;
    console.log(`${mutant.where} without ${mutant.rule}: ${how}`);
  }
  return alive === 0;
}

/** The first seed at which the village fails without the rule. */
function killerOf<M extends { readonly where: string; readonly rule: string }>(
  mutant: M,
  { simulator, limit }: { readonly simulator: Simulator<M>; readonly limit: number },
): { readonly seed: number; readonly what: string } | undefined {
  for (let seed = 0; seed < limit; seed += 1) {
    const { violation } = simulator.simulate(seed, mutant);
    if (violation !== undefined) return { seed, what: violation.what };
  }
  return undefined;
}
