export { announcementOf, type Heard, readAnnouncement } from './announcement.ts';
export { askReceipts, askSponsor, askStatements, type ReceiptQuestion, type StatementQuestion } from './client.ts';
export { answerGovernance, type GovernanceShelf } from './handler.ts';
export { heldOf, type Logged } from './held.ts';
export { type CallRequest, openCallRequest, REQUEST_TYP } from './call-request.ts';
export { MAX_RECEIPT_DECISIONS, openReceipt, Receipt, RECEIPT_TYP } from './receipts.ts';
export {
  type CarriedReceipt,
  type Cursor,
  GOVERNANCE,
  type Held,
  type ReceiptPage,
  type SponsorReply,
  type StatementPage,
} from './schema.ts';
