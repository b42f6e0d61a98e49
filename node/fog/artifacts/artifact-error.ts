import { VillageError } from '../../../src/kernel/index.ts';

/** Why an artifact that was admitted could not be made ready to run. */
export class ArtifactError extends VillageError<
  | 'ARTIFACT_UNTRUSTED' // unknown, expired, tampered with, or of a publisher nobody here trusts
  | 'ARTIFACT_UNREACHABLE' // nobody who has it answered
  | 'ARTIFACT_STORAGE' // it could not be kept
> {}
