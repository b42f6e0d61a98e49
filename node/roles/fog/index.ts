export { fogRole } from './role.ts';
export { ledgerRow } from './ledger-row.ts';
