export { FastLane } from './fast-lane.ts';
export type { LaneDesk, Span } from './lane-connection.ts';
export { LaneResponse } from './lane-response.ts';
export type { RequestHead } from './request-head.ts';
