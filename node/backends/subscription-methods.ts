export const SUBSCRIBE = 'resources/subscribe';
export const UNSUBSCRIBE = 'resources/unsubscribe';

export function isSubscription(method: string): boolean {
  return method === SUBSCRIBE || method === UNSUBSCRIBE;
}
