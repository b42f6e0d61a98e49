import { villages, withoutRules } from '../test/simulation/campaign.ts';
import { MUTANTS } from '../test/simulation/fog/mutants.ts';
import { simulate } from '../test/simulation/fog/run.ts';

/**
 * `node scripts/simulate-fog.ts [FIRST] [LAST]`: those villages, each invariant checked after every step.
 * `node scripts/simulate-fog.ts mutants [LIMIT] [RULE]`: for each rule the first seed that fails without it.
 */
const simulator = { simulate, mutants: MUTANTS };
const [what = '0', bound, only] = process.argv.slice(2);
const first = Number(what);
const good =
  what === 'mutants'
    ? withoutRules(simulator, { limit: Number(bound ?? 2000), only })
    : villages(simulator, { first, count: Number(bound ?? first + 9_999) - first + 1 });
process.exitCode = good ? 0 : 1;
