export { sayHello } from './client.ts';
export type { Greeted, Greeting, HelloDesk } from './greeting.ts';
export { answerHello } from './handler.ts';
export { type RevisionGap, revisionGaps } from './revisions.ts';
export { hello, type Introduction } from './schema.ts';
