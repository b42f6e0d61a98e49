export { checkAddress, checkCommands, checkConfig } from './configuration.ts';
export { type Finding, fine, problem, warning } from './finding.ts';
export { checkDataFolder, checkFreeSpace, checkSecretFiles, newestFileMs } from './folder.ts';
export { checkClock, checkNodeVersion } from './machine.ts';
export { checkNamedFiles } from './named-files.ts';
