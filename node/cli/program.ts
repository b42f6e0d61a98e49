import { Command } from 'commander';
import type { Invocation } from './invocation.ts';
import { addAgents } from './verbs/agents.ts';
import { addAudit } from './verbs/audit.ts';
import { addClient } from './verbs/client.ts';
import { addConfig } from './verbs/config.ts';
import { addConnect } from './verbs/connect.ts';
import { addDoctor } from './verbs/doctor.ts';
import { addFog } from './verbs/fog.ts';
import { addGov } from './verbs/gov.ts';
import { addLook } from './verbs/look.ts';
import { addNotBuilt } from './verbs/not-built.ts';
import { addRevoke } from './verbs/revoke.ts';
import { addTools } from './verbs/tools.ts';
import { addUp } from './verbs/up.ts';
import { addVillage } from './verbs/village.ts';

const VERBS = [
  addUp,
  addVillage,
  addAgents,
  addRevoke,
  addLook,
  addTools,
  addConnect,
  addClient,
  addAudit,
  addGov,
  addFog,
  addDoctor,
  addConfig,
  addNotBuilt,
];

export interface ProgramOptions {
  readonly version: string;
  /** Where help and usage errors go. */
  readonly writeOut: (text: string) => void;
  readonly writeErr: (text: string) => void;
}

/** The grammar of the command line. `--data` and `--json` may stand anywhere. */
export function programOf(invocation: Invocation, options: ProgramOptions): Command {
  const program = new Command('village')
    .description('a node of a peer-to-peer village of MCP servers and agents')
    .version(options.version)
    .option('--data <dir>', "the data folder (else $VILLAGE_DATA, else the platform's own)")
    .option('--json', 'print JSON on stdout; everything else goes to stderr')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: options.writeOut, writeErr: options.writeErr })
    .exitOverride();
  for (const add of VERBS) add(program, invocation);
  return program;
}
