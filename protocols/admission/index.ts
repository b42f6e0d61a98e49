export { type Admission, type Renewal, redeemTicket, renewCredential } from './client.ts';
export { type AdmissionDesk, serveAdmission } from './handler.ts';
export { type Answer as AdmissionAnswer, admission, type Redeem, type Renew } from './schema.ts';
