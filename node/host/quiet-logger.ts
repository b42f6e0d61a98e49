import type { ComponentLogger, Logger } from '@libp2p/interface';

const silent = (): void => {};
const quiet: Logger = Object.assign(silent, {
  enabled: false,
  error: silent,
  trace: silent,
  newScope: () => quiet,
});

/** libp2p formats log lines even when nobody reads them; a logger that does nothing saves a third of its CPU. */
export const quietLogger: ComponentLogger = { forComponent: () => quiet };
