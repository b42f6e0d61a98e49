export { Directory } from './directory.ts';
export type {
  DirectoryClock,
  DirectoryHost,
  DirectoryLinks,
  DirectoryParts,
  DirectorySettings,
  DirectoryState,
  DirectoryStore,
} from './ports.ts';
export type { Pulled } from './puller.ts';
export { storedState } from './stored-state.ts';
export { systemClock } from './system-clock.ts';
