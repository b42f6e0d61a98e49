import { isObject } from './envelope.ts';

/** What an agent's client can be asked in the midst of a call. The order is the order of bits on the wire, so the list only grows. */
export const CLIENT_ABILITIES = [
  'sampling',
  'samplingTools',
  'samplingContext',
  'elicitationForm',
  'elicitationUrl',
  'roots',
] as const;
export type ClientAbility = (typeof CLIENT_ABILITIES)[number];
export type ClientAbilities = ReadonlySet<ClientAbility>;

export const NO_ABILITIES: ClientAbilities = new Set();

/** Reads `capabilities` as a client declares them, in any revision: before 2025-11-25 an empty `elicitation` meant forms. */
export function abilitiesOf(capabilities: unknown): ClientAbilities {
  if (!isObject(capabilities)) return NO_ABILITIES;
  const { sampling, elicitation, roots } = capabilities;
  if (sampling === undefined && elicitation === undefined && roots === undefined) return NO_ABILITIES;
  const found = new Set<ClientAbility>();
  if (isObject(sampling)) {
    found.add('sampling');
    if (isObject(sampling['tools'])) found.add('samplingTools');
    if (isObject(sampling['context'])) found.add('samplingContext');
  }
  if (isObject(elicitation)) {
    if (isObject(elicitation['form']) || !isObject(elicitation['url'])) found.add('elicitationForm');
    if (isObject(elicitation['url'])) found.add('elicitationUrl');
  }
  if (isObject(roots)) found.add('roots');
  return found;
}

/** The declaration of these abilities, as 2025-11-25 and later write it. */
export function capabilitiesOf(abilities: ClientAbilities): Readonly<Record<string, unknown>> {
  const has = (ability: ClientAbility) => abilities.has(ability);
  return {
    ...(has('sampling')
      ? {
          sampling: {
            ...(has('samplingTools') ? { tools: {} } : {}),
            ...(has('samplingContext') ? { context: {} } : {}),
          },
        }
      : {}),
    ...(has('elicitationForm') || has('elicitationUrl')
      ? {
          elicitation: {
            ...(has('elicitationForm') ? { form: {} } : {}),
            ...(has('elicitationUrl') ? { url: {} } : {}),
          },
        }
      : {}),
    ...(has('roots') ? { roots: {} } : {}),
  };
}

/** One bit for each ability; what this version does not know is dropped. */
export function abilitiesFromBits(bits: number): ClientAbilities {
  return bits === 0 ? NO_ABILITIES : new Set(CLIENT_ABILITIES.filter((_, index) => (bits & (1 << index)) !== 0));
}

export function bitsOfAbilities(abilities: ClientAbilities): number {
  return CLIENT_ABILITIES.reduce((bits, ability, index) => (abilities.has(ability) ? bits | (1 << index) : bits), 0);
}
