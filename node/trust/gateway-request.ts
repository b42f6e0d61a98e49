import { type ClientRequest, request, type RequestOptions } from 'node:http';
import { request as requestTls } from 'node:https';
import { agentFor, type Trust } from './trust.ts';

/** A request on a connection of its own, not yet ended; under `https:` to whom `trust` knows. */
export function gatewayRequest(
  url: URL,
  { trust = {}, ...options }: Pick<RequestOptions, 'method' | 'headers' | 'signal'> & { trust?: Trust | undefined },
): ClientRequest {
  if (url.protocol !== 'https:') return request(url, { ...options, agent: false });
  return requestTls(url, { ...options, agent: agentFor(trust, { keepAlive: false }) });
}
