import { MAX_REVOCATION_S, REVOCATION_TYP, type Revocation } from '../../src/constitution/index.ts';
import type { AgentKeystore } from './agent-keystore.ts';
import type { NodeKeys } from './node-keys.ts';
import type { RevocationEntry } from './revocations.ts';

export interface RevokeOptions {
  readonly villageId: string;
  readonly nowMs: number;
}

/** Takes back one token that this node issued. `tokenId`: SHA-256 of its jti, hex. */
export function revokeToken(tokenId: string, keys: NodeKeys, options: RevokeOptions): RevocationEntry {
  const revocation = { kind: 'token', id: tokenId, by: keys.nodeId, ...validity(options) } as const;
  return { revocation, jws: keys.signAsIssuer(REVOCATION_TYP, revocation) };
}

/** Takes back every token that this node gave one of its own agents (`NAME@NODE`) until now. */
export function revokeOwnAgent(agentId: string, keys: NodeKeys, options: RevokeOptions): RevocationEntry {
  const revocation = { kind: 'agent', id: agentId, by: keys.nodeId, ...validity(options) } as const;
  return { revocation, jws: keys.signAsIssuer(REVOCATION_TYP, revocation) };
}

/** Takes back every token that any node gave a bare-named agent until now; undefined: its key is not here. */
export function revokeVillageAgent(
  name: string,
  keystore: AgentKeystore,
  options: RevokeOptions,
): RevocationEntry | undefined {
  const revocation = { kind: 'agent', id: name, by: name, ...validity(options) } as const;
  const jws = keystore.signAs(name, { typ: REVOCATION_TYP, payload: revocation });
  return jws === undefined ? undefined : { revocation, jws };
}

function validity({ villageId, nowMs }: RevokeOptions): Pick<Revocation, 'village' | 'iat' | 'exp'> {
  const iat = Math.floor(nowMs / 1000);
  return { village: villageId, iat, exp: iat + MAX_REVOCATION_S };
}
