export { UsageShare } from './usage-share.ts';
