import { z } from 'zod';
import { thumbprint } from './key.ts';
import { openStrict, strictInput } from './strict-jws.ts';

export const KEY_PROOF_TYP = 'village-gov-key+jws';
const MAX_PROOF_BYTES = 2048;

/** A new voter's key says that it is held and takes the seat: no key enters the electorate without it. */
const KeyProof = z.strictObject({
  net: z.string(),
  /** The epoch whose rules the change replaces. */
  ep: z.int().nonnegative(),
  voter: z.string(),
  key: z.string(),
});
export type KeyProof = z.infer<typeof KeyProof>;

export function keyProofInput(proof: KeyProof): string {
  return strictInput(KEY_PROOF_TYP, proof.key, KeyProof.parse(proof));
}

/** Whether `token` is the proof that says exactly `expected`. */
export function isKeyProof(token: string, expected: KeyProof): boolean {
  const kid = thumbprint(expected.key);
  const opened = openStrict(token, {
    typ: KEY_PROOF_TYP,
    maxBytes: MAX_PROOF_BYTES,
    keyOf: (asked) => (asked === kid ? expected.key : undefined),
  });
  const proof = opened.kind === 'opened' ? KeyProof.safeParse(opened.payload).data : undefined;
  return (
    proof !== undefined &&
    proof.net === expected.net &&
    proof.ep === expected.ep &&
    proof.voter === expected.voter &&
    proof.key === expected.key
  );
}
