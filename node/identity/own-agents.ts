import { join } from 'node:path';
import { z } from 'zod';
import { AGENT_NAME } from '../../src/constitution/index.ts';
import { atLeast, LEVELS, type Level } from '../../src/permissions/index.ts';
import { IdentityError } from './identity-error.ts';
import { readPrivateFile, writePrivateFile } from './key-files.ts';

const MAX_OWN_AGENTS = 1024;
const OwnAgent = z.strictObject({ level: z.enum(LEVELS), role: z.string().min(1).max(128) });
const AgentsFile = z.strictObject({
  format: z.literal(1),
  agents: z
    .record(z.string().regex(AGENT_NAME), OwnAgent)
    .refine((agents) => Object.keys(agents).length <= MAX_OWN_AGENTS, `at most ${MAX_OWN_AGENTS} agents`),
});
export type OwnAgent = z.infer<typeof OwnAgent>;

const FIRST: Readonly<Record<string, OwnAgent>> = { local: { level: 'OPERATOR', role: 'Agent of this node' } };

/** The agents that this node itself vouches for (`NAME@NODE`): DATA/village/agents.json. Each node has `local` from the start. */
export class OwnAgents {
  readonly #path: string;
  #agents: Readonly<Record<string, OwnAgent>> = FIRST;

  /** Errors: AGENTS_MALFORMED, KEY_EXPOSED, KEY_UNREADABLE. */
  constructor(dataDir: string) {
    this.#path = join(dataDir, 'village', 'agents.json');
    this.reload();
  }

  get(name: string): OwnAgent | undefined {
    return Object.hasOwn(this.#agents, name) ? this.#agents[name] : undefined;
  }

  list(): readonly (readonly [name: string, agent: OwnAgent])[] {
    return Object.entries(this.#agents).sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /**
   * Adds an agent; the same again is no error. `cap` is what this node's membership lets it give.
   * Errors: AGENT_NAME, AGENT_EXISTS (with another level), LEVEL_TOO_HIGH.
   */
  add(name: string, options: { readonly level: Level; readonly cap: Level; readonly role?: string | undefined }): void {
    const { level, cap, role = 'Agent of this node' } = options;
    if (!AGENT_NAME.test(name)) {
      throw new IdentityError('AGENT_NAME', 'an agent name is 1–32 of a–z 0–9 _ -, a letter first');
    }
    if (!atLeast(cap, level)) {
      throw new IdentityError('LEVEL_TOO_HIGH', `this node may give its agents ${cap} at most`, {
        hint: 'its membership says so; a member that may give more can invite it again with --level',
      });
    }
    this.reload();
    const known = this.get(name);
    if (known?.level === level) return;
    if (known !== undefined)
      throw new IdentityError('AGENT_EXISTS', `${name} is here already, with level ${known.level}`);
    const agents = { ...this.#agents, [name]: { level, role } };
    const file = AgentsFile.parse({ format: 1, agents });
    writePrivateFile(this.#path, `${JSON.stringify(file, null, 2)}\n`);
    this.#agents = agents;
  }

  /** Reads the file again: the command line may have written it. */
  reload(): void {
    const content = readPrivateFile(this.#path);
    if (content === undefined) return;
    let value: unknown;
    try {
      value = JSON.parse(content);
    } catch (cause) {
      throw new IdentityError('AGENTS_MALFORMED', `${this.#path} is not JSON`, { cause });
    }
    const read = AgentsFile.safeParse(value);
    if (!read.success) {
      throw new IdentityError('AGENTS_MALFORMED', `${this.#path} cannot be understood: ${z.prettifyError(read.error)}`);
    }
    this.#agents = read.data.agents;
  }
}
