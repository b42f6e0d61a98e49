export type { BridgeOptions, CliPorts, FilesPort, NodeOptions, Ready, VillageNode } from './ports.ts';
export { type CliOptions, runCli } from './run.ts';
