import { villages, withoutRules } from '../test/simulation/campaign.ts';
import { MUTANTS } from '../test/simulation/governance/mutants.ts';
import { simulate } from '../test/simulation/governance/run.ts';

/**
 * `node scripts/simulate-governance.ts [FIRST] [COUNT]`: that many villages, each invariant checked after every step.
 * `node scripts/simulate-governance.ts mutants [LIMIT] [RULE]`: for each rule the first seed that fails without it.
 */
const simulator = { simulate, mutants: MUTANTS };
const [what = '0', count, only] = process.argv.slice(2);
const good =
  what === 'mutants'
    ? withoutRules(simulator, { limit: Number(count ?? 2000), only })
    : villages(simulator, { first: Number(what), count: Number(count ?? 20_000) });
process.exitCode = good ? 0 : 1;
