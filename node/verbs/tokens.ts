import { VillageError } from '../../src/kernel/index.ts';
import type { AdminHandlers } from '../admin/index.ts';
import type { TokenDesk } from '../identity/index.ts';

/** This node may not speak for that agent, or not so. */
export class TokenError extends VillageError<'MAY_NOT_SPEAK'> {}

export function tokenVerb(desk: Pick<TokenDesk, 'mint'>, defaultAgent: string): AdminHandlers['token'] {
  return async ({ agent = defaultAgent, ttl_ms: ttlMs, level }) => {
    const minted = await desk.mint({ agent, ttlMs, level });
    if (minted.kind === 'refused') throw new TokenError('MAY_NOT_SPEAK', minted.message, { hint: minted.hint });
    return { token: minted.token, token_id: minted.tokenId, expires_at: new Date(minted.expiresAtMs).toISOString() };
  };
}
