import { temporaryFolder } from './data-folder.ts';
import { type DeskOptions, identityDeskIn } from './identity-desk-in.ts';

export { writeKeys } from './identity-desk-in.ts';

/** As identityDeskIn, for one test. */
export function identityDesk(options: DeskOptions = {}): ReturnType<typeof identityDeskIn> {
  return identityDeskIn(temporaryFolder(), options);
}
