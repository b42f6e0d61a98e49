/** Whether a change of `updated` is news to who subscribed to `subscribed`: the resource itself, or one beneath it. */
export function concerns(subscribed: string, updated: string): boolean {
  if (!updated.startsWith(subscribed)) return false;
  if (updated.length === subscribed.length || subscribed.endsWith('/')) return true;
  return '/?#'.includes(updated.charAt(subscribed.length));
}
