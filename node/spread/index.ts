export { IdlePeers } from './idle-peers.ts';
export { pages, type PullEnd } from './pages.ts';
export { Parked } from './parked.ts';
export { PullQueue } from './pull-queue.ts';
export { Spread, type SpreadClock, type SpreadHost, type SpreadTopic, type Taken } from './spread.ts';
