import { VillageError, readJws, sha256Hex } from '../../src/kernel/index.ts';
import type { AdminHandlers } from '../admin/index.ts';
import type { TokenOrigin } from '../audit/index.ts';
import {
  type AgentKeystore,
  type NodeKeys,
  type RevocationEntry,
  type Revocations,
  revokeOwnAgent,
  revokeToken,
  revokeVillageAgent,
  type TokenDesk,
} from '../identity/index.ts';
import type { RevocationSpread } from '../revocation/index.ts';
import type { Reporter } from '../telemetry/events.ts';

const MAX_TOKEN_BYTES = 16 * 1024;

/** NOT_A_TOKEN: nor its id. OTHER_NODES_TOKEN, NOT_OURS: only its own node, or the agent's key, takes it back. TOO_MANY: wait until some end. */
export class RevokeError extends VillageError<
  'NOT_A_TOKEN' | 'OTHER_NODES_TOKEN' | 'UNKNOWN_AGENT' | 'NOT_OURS' | 'TOO_MANY'
> {}

export interface RevokeParts {
  readonly keys: NodeKeys;
  readonly keystore: AgentKeystore;
  readonly villageId: string;
  readonly desk: Pick<TokenDesk, 'speaker'>;
  readonly revocations: Pick<Revocations, 'isRevoked'>;
  readonly spread: Pick<RevocationSpread, 'revoke'>;
  readonly reporter: Reporter;
  /** What the record says of who issued a token. */
  readonly origin: (tokenId: string, options: { readonly signal: AbortSignal }) => Promise<TokenOrigin>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Takes back what agents were given, in the whole village. */
export function revokeVerbs(parts: RevokeParts): Pick<AdminHandlers, 'revoke.token' | 'revoke.agent'> {
  const { keys, villageId, revocations, reporter, now } = parts;
  const options = () => ({ villageId, nowMs: now() });
  return {
    'revoke.token': async (input, { signal }) => {
      const named = 'token_id' in input ? await knownAs(input.token_id, parts, { signal }) : undefined;
      const tokenId = 'token_id' in input ? input.token_id : idOf(input.token, parts);
      const already = revocations.isRevoked({ tokenId, agentId: '', homeNode: keys.nodeId, issuedAtMs: now() });
      if (!already) {
        await spread(revokeToken(tokenId, keys, options()), parts);
        reporter.report('revocation.made', { kind: 'token', id: tokenId });
      }
      return { token_id: tokenId, already, ...named };
    },
    'revoke.agent': async ({ name }) => {
      const { agent, entry } = statementFor(name, { ...parts, ...options() });
      const already = (await spread(entry, parts)) === 'known';
      reporter.report('revocation.made', { kind: 'agent', id: agent });
      return { agent, already };
    },
  };
}

async function spread(entry: RevocationEntry, parts: Pick<RevokeParts, 'spread'>): Promise<'added' | 'known'> {
  const outcome = await parts.spread.revoke(entry);
  if (outcome !== 'full') return outcome;
  throw new RevokeError('TOO_MANY', 'too many revocations by this signer are in force', {
    hint: 'take back all tokens of an agent at once: `village revoke agent NAME`',
  });
}

function idOf(token: string, { keys, villageId }: RevokeParts): string {
  const read = readJws(token, MAX_TOKEN_BYTES);
  const { iss, aud, jti } =
    typeof read === 'string' ? {} : (read.payload as { iss?: unknown; aud?: unknown; jti?: unknown });
  if (typeof jti !== 'string' || aud !== villageId) {
    throw new RevokeError('NOT_A_TOKEN', 'this is no token of this village', {
      hint: 'give a whole token on standard input, or the id that `village audit export` shows for it',
    });
  }
  if (iss !== keys.nodeId) throw otherNodes(String(iss).slice(0, 64));
  return sha256Hex(jti);
}

/** An id does not say who issued the token: to take back another node's would change nothing, and must not look as if it had. */
async function knownAs(
  tokenId: string,
  { origin }: RevokeParts,
  options: { readonly signal: AbortSignal },
): Promise<{ readonly on_record: boolean }> {
  const found = await origin(tokenId, options);
  if (found.kind === 'peer') throw otherNodes(found.nodeId);
  return { on_record: found.kind === 'here' };
}

function otherNodes(nodeId: string): RevokeError {
  return new RevokeError('OTHER_NODES_TOKEN', 'another node issued this token, and only that node can take it back', {
    hint: `run this on the node ${nodeId}, or have it held back everywhere: \`village gov hold token ID\``,
  });
}

function statementFor(
  name: string,
  parts: RevokeParts & { readonly nowMs: number },
): { readonly agent: string; readonly entry: RevocationEntry } {
  const { desk, keys, keystore } = parts;
  const speaker = desk.speaker(name);
  if (speaker === 'other-nodes-agent') {
    throw new RevokeError('NOT_OURS', `${name} belongs to another node`, { hint: 'run this on that node' });
  }
  if (typeof speaker === 'string') {
    throw new RevokeError('UNKNOWN_AGENT', `no agent named ${name} is known here`, {
      hint: '`village agents list` shows them',
    });
  }
  const agent = speaker.agentId;
  if (speaker.kind === 'node') return { agent, entry: revokeOwnAgent(agent, keys, parts) };
  const entry = revokeVillageAgent(agent, keystore, parts);
  if (entry !== undefined) return { agent, entry };
  throw new RevokeError('NOT_OURS', `the key of ${agent} is not on this node`, {
    hint: 'run this where its key is, or take back single tokens with `village revoke token`',
  });
}
