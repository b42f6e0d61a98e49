import { MAX_PATTERN_LENGTH, MAX_PATTERNS } from '../../src/constitution/index.ts';
import { isLevel, type Level } from '../../src/permissions/index.ts';

/** Exactly what an agent's token carries. Times in seconds. */
export interface TokenClaims {
  readonly agent_id: string;
  readonly role: string;
  readonly governance_level: Level;
  /** Tool patterns; `["*"]`: not narrowed. */
  readonly permissions: readonly string[];
  /** PeerId of the agent's own node. */
  readonly iss: string;
  /** The village's id. */
  readonly aud: string;
  readonly iat: number;
  readonly nbf: number;
  readonly exp: number;
  readonly jti: string;
}

export interface ClaimProblem {
  /** The claim (or header) that is wrong. */
  readonly claim: string;
  readonly message: string;
}

type Check = (value: unknown) => boolean;
const text =
  (max: number): Check =>
  (value) =>
    typeof value === 'string' && value.length > 0 && value.length <= max;
const time: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;

const CHECKS: Readonly<Record<keyof TokenClaims, Check>> = {
  agent_id: text(64),
  role: text(128),
  governance_level: isLevel,
  permissions: isPatternList,
  iss: text(128),
  aud: text(64),
  iat: time,
  nbf: time,
  exp: time,
  jti: text(128),
};

/** What is wrong with the shape of a token's claims; undefined: they are `TokenClaims`. */
export function claimProblem(payload: Readonly<Record<string, unknown>>): ClaimProblem | undefined {
  for (const [claim, check] of Object.entries(CHECKS)) {
    if (!Object.hasOwn(payload, claim)) return { claim, message: `missing claim: ${claim}` };
    if (!check(payload[claim])) return { claim, message: `invalid claim: ${claim}` };
  }
  const unknown = Object.keys(payload).find((claim) => !Object.hasOwn(CHECKS, claim));
  return unknown === undefined
    ? undefined
    : { claim: shortened(unknown), message: `unknown claim: ${shortened(unknown)}` };
}

export function isPatternList(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length <= MAX_PATTERNS &&
    value.every(
      (pattern) => typeof pattern === 'string' && pattern.length <= MAX_PATTERN_LENGTH && PATTERN.test(pattern),
    )
  );
}
const PATTERN = /^[A-Za-z0-9_.*-]+$/;

function shortened(name: string): string {
  return name.replace(/[^A-Za-z0-9_.:/-]/g, '?').slice(0, 64);
}
