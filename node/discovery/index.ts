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
