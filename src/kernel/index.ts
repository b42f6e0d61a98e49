export { fromBase64Url, text, toBase64Url, utf8 } from './bytes.ts';
export { canonicalJson } from './canonical-json.ts';
export { VillageError } from './errors.ts';
export { sha256, sha256Hex, verifyEd25519 } from './hash.ts';
