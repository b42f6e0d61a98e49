import {
  abilitiesOf,
  type ClientAbilities,
  isObject,
  negotiate,
  type RpcRequest,
  type SessionVersion,
} from '../../src/mcp/index.ts';
import { refusalOfView } from './absent-view.ts';
import type { Refusal } from './answer.ts';
import type { GatewayContext } from './context.ts';
import type { Caller } from './exchange.ts';

export type Initialized =
  | {
      readonly kind: 'ok';
      readonly version: SessionVersion;
      readonly abilities: ClientAbilities;
      readonly result: object;
    }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** What `initialize` gets for an answer in the caller's view: the agreed revision, and what the village offers there. */
export function initialize(context: GatewayContext, request: RpcRequest, caller: Caller): Initialized {
  const { protocolVersion, capabilities, clientInfo } = request.params ?? {};
  if (typeof protocolVersion !== 'string') return wrong('protocolVersion must be a string');
  if (!isObject(capabilities)) return wrong('capabilities must be an object');
  if (!isObject(clientInfo) || typeof clientInfo['name'] !== 'string') return wrong('clientInfo must name the client');
  const offer = context.router.describe(caller.principal, caller.view, 'session');
  if (offer === undefined) return { kind: 'refused', refusal: refusalOfView(context.router, caller) };
  const version = negotiate(protocolVersion);
  const instructions = offer.instructions === undefined ? {} : { instructions: offer.instructions };
  const result = { protocolVersion: version, capabilities: offer.capabilities, serverInfo: context.serverInfo };
  return { kind: 'ok', version, abilities: abilitiesOf(capabilities), result: { ...result, ...instructions } };
}

function wrong(message: string): Initialized {
  return { kind: 'refused', refusal: { name: 'INVALID_PARAMS', message } };
}
