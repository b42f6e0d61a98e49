import type { AuthPort } from './gateway/index.ts';
import type { TokenDesk, TokenEndpoint } from './identity/index.ts';

/** What the gateway asks of this node's tokens. */
export function authPort(desk: TokenDesk, endpoint: TokenEndpoint): AuthPort {
  return {
    verifyCached: (token, known) => desk.verifyCached(token, known),
    verify: (token) => desk.verify(token),
    exchange: (form, options) => endpoint.exchange(form, options),
    jwks: () => endpoint.jwks(),
    authorizationServerMetadata: (origin) => endpoint.authorizationServerMetadata(origin),
    protectedResourceMetadata: (origin, path) => endpoint.protectedResourceMetadata(origin, path),
  };
}
