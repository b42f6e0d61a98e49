import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { AGENT_NAME } from '../../src/constitution/index.ts';
import type { JwsPayload } from '../../src/kernel/index.ts';
import { IdentityError } from './identity-error.ts';
import { deletePrivateFile, movePrivateFile, writePrivateFile } from './key-files.ts';
import { readKeyFile, writeKeyFile } from './node-keys.ts';
import { type PrivateJwk, SigningKey } from './signing-key.ts';

const SUFFIX = '.jwk';

/** A key on its way to another node: not usable here any more, and not gone before `finish`. */
export interface KeyMove {
  readonly jwk: PrivateJwk;
  /** Call when the key is safe in its new home's hands: leaves a tombstone and deletes it here. */
  finish(): void;
}

/** The keys of bare-named agents that this node holds: DATA/keys/agents/NAME.jwk. */
export class AgentKeystore {
  readonly #folder: string;
  readonly #keys = new Map<string, SigningKey>();

  constructor(dataDir: string) {
    this.#folder = join(dataDir, 'keys', 'agents');
  }

  /** Makes a key for each name that has none, and answers name → public key (base64url). For a founder's first start. */
  create(names: readonly string[]): Record<string, string> {
    return Object.fromEntries(names.map((name) => [name, (this.#open(name) ?? this.#make(name)).x]));
  }

  /** Names of the agents whose keys are here, sorted. */
  list(): readonly string[] {
    if (!existsSync(this.#folder)) return [];
    return readdirSync(this.#folder)
      .filter((file) => file.endsWith(SUFFIX))
      .map((file) => file.slice(0, -SUFFIX.length))
      .filter((name) => AGENT_NAME.test(name))
      .sort();
  }

  has(name: string): boolean {
    return AGENT_NAME.test(name) && existsSync(this.#path(name));
  }

  /** The public key, base64url; undefined: not here. */
  publicKey(name: string): string | undefined {
    return this.#open(name)?.x;
  }

  /** A compact JWS by the agent's key; undefined: not here. */
  signAs(name: string, statement: { readonly typ: string; readonly payload: JwsPayload }): string | undefined {
    return this.#open(name)?.signJws(statement.typ, statement.payload);
  }

  /** 64 bytes over `message`; undefined: the key is not here. */
  sign(name: string, message: Uint8Array): Uint8Array | undefined {
    return this.#open(name)?.sign(message);
  }

  /** A copy of the private key. Errors: KEY_MISSING. Not for voters' keys: those move. */
  copy(name: string): PrivateJwk {
    const key = this.#open(name);
    if (key === undefined) throw missing(name);
    return key.exportJwk();
  }

  /** Takes the key out of use here and hands it over. A move that broke off before `finish` can be begun again. Errors: KEY_MISSING. */
  move(name: string): KeyMove {
    const leaving = `${this.#path(checked(name))}.leaving`;
    if (this.has(name)) {
      this.copy(name); // a file that cannot be read stays where it is
      movePrivateFile(this.#path(name), leaving);
    }
    this.#keys.delete(name);
    const key = readKeyFile(leaving);
    if (key === undefined) throw missing(name);
    return {
      jwk: key.exportJwk(),
      finish: () => {
        writePrivateFile(`${this.#path(name)}.moved`, `${JSON.stringify({ agent: name, x: key.x })}\n`);
        deletePrivateFile(leaving);
      },
    };
  }

  /**
   * Takes a private key in, for the agent of the village that has it, and answers the agent's name; a key that is here
   * already is no error. Errors: KEY_MALFORMED, KEY_UNKNOWN.
   */
  import(jwk: unknown, agents: Readonly<Record<string, { readonly key: string }>>): string {
    const key = SigningKey.fromJwk(jwk);
    if (key === undefined) throw new IdentityError('KEY_MALFORMED', 'this is no Ed25519 private key (JWK)');
    const name = Object.keys(agents).find((agent) => agents[agent]?.key === key.x);
    if (name === undefined) {
      throw new IdentityError('KEY_UNKNOWN', 'no agent of this village has this key', {
        hint: '`village agents list` shows the agents the constitution names',
      });
    }
    const before = this.publicKey(name);
    // The name has another key now: what it was is put away, not destroyed.
    if (before !== undefined && before !== key.x) movePrivateFile(this.#path(name), `${this.#path(name)}.replaced`);
    if (before !== key.x) writeKeyFile(this.#path(checked(name)), key);
    this.#keys.delete(name);
    deletePrivateFile(`${this.#path(name)}.moved`);
    return name;
  }

  #open(name: string): SigningKey | undefined {
    if (!this.has(name)) {
      this.#keys.delete(name); // moved away by another process
      return undefined;
    }
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const key = readKeyFile(this.#path(name));
    if (key !== undefined) this.#keys.set(name, key);
    return key;
  }

  #make(name: string): SigningKey {
    const key = SigningKey.generate();
    writeKeyFile(this.#path(checked(name)), key);
    return key;
  }

  #path(name: string): string {
    return join(this.#folder, `${name}${SUFFIX}`);
  }
}

function checked(name: string): string {
  if (!AGENT_NAME.test(name))
    throw new IdentityError('AGENT_NAME', 'an agent name is 1–32 of a–z 0–9 _ -, a letter first');
  return name;
}

function missing(name: string): IdentityError {
  return new IdentityError('KEY_MISSING', `the key of ${name} is not on this node`, {
    hint: '`village agents list` shows which keys are here',
  });
}
