import type { EventName } from './events.ts';

/** The parts of a node that have a log level of their own. */
export const LOG_AREAS = [
  ...(['node', 'mesh', 'directory', 'identity', 'gateway', 'router', 'threat', 'servers'] as const),
  ...(['audit', 'governance', 'fog', 'telemetry'] as const),
] as const;
export type LogArea = (typeof LOG_AREAS)[number];

type Family<Name extends EventName = EventName> = Name extends `${infer First}.${string}` ? First : never;

/** By the first word of an event's name. */
const AREAS: Readonly<Record<Family, LogArea>> = {
  node: 'node',
  village: 'node',
  config: 'node',
  background: 'node',
  peer: 'mesh',
  admission: 'mesh',
  gossip: 'mesh',
  directory: 'directory',
  dht: 'directory',
  token: 'identity',
  revocation: 'identity',
  gateway: 'gateway',
  call: 'router',
  tool: 'router',
  overload: 'router',
  threat: 'threat',
  server: 'servers',
  audit: 'audit',
  governance: 'governance',
  fog: 'fog',
  telemetry: 'telemetry',
  work: 'telemetry',
};

export function areaOf(event: EventName): LogArea {
  return AREAS[event.slice(0, event.indexOf('.')) as Family];
}
