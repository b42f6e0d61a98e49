export { askWitness } from './client.ts';
export { answerAudit, type WitnessDesk } from './handler.ts';
export { type Answer, AUDIT, MAX_ANCHORS } from './schema.ts';
