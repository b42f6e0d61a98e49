export { announcementOf, readAnnouncement } from './announcement.ts';
export { askRevocations, type AskedPage } from './client.ts';
export { answerRevocations, type RevocationShelf, type Shelved } from './handler.ts';
export { claimedSigner, judge, type JudgeContext, type Judged } from './judge.ts';
export { type Carried, REVOCATION } from './schema.ts';
