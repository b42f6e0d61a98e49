import { CliError } from '../exit.ts';
import type { AddVerb } from '../invocation.ts';

const LATER = {
  knowledge: 'shared knowledge',
  twin: 'digital twins',
  demo: 'a village of five processes',
};

/** Verbs that are announced and do nothing yet; they say so. */
export const addNotBuilt: AddVerb = (program) => {
  for (const [verb, what] of Object.entries(LATER)) {
    program
      .command(verb)
      .description(`${what}: not built yet`)
      .allowUnknownOption()
      .allowExcessArguments()
      .action(() => {
        throw new CliError('NOT_BUILT', `${verb} is not built`, { hint: 'see the README for what is' });
      });
  }
};
