import { VillageError } from '../../src/kernel/index.ts';

export class AdminError extends VillageError<
  'ADDRESS_TAKEN' | 'ADDRESS_UNUSABLE' | 'NO_NODE' | 'NODE_SILENT' | 'BAD_ANSWER'
> {}

/** An error that the node answered a verb with; `code` is whatever the node's own areas name. */
export class VerbError extends VillageError {}
