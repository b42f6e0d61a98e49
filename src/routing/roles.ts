/** The six servers that every version of the village knows. Their tools carry no prefix, so nobody else may claim to be a role. */
export const ROLES = ['hyperrag', 'governance', 'p2p', 'twin', 'fog', 'monitoring'] as const;
export type RoleName = (typeof ROLES)[number];

export function isRole(alias: string): alias is RoleName {
  return (ROLES as readonly string[]).includes(alias);
}

/** A role's tools and prompts are plain words; `__` is what tells a third party's apart. */
export function isPlainName(name: string): boolean {
  return /^[a-z][a-z0-9_]{0,63}$/.test(name) && !name.includes('__');
}
