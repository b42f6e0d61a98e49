export { fromBase64Url, text, toBase64Url, toHex, utf8 } from './bytes.ts';
export { canonicalJson, exactCanonicalJson } from './canonical-json.ts';
export { VillageError } from './errors.ts';
export { nearestDouble, parseExactJson } from './exact-json.ts';
export { type RunningHash, runningSha256, sha256, sha256Hex, verifyEd25519 } from './hash.ts';
export {
  type JwsHeader,
  type JwsParts,
  type JwsPayload,
  type JwsRefusal,
  type OpenedJws,
  type OpenJwsOptions,
  openJws,
  readJws,
  signingInput,
} from './jws.ts';
export { jsonExcess, type JsonLimits } from './json-excess.ts';
export { after, type Awaitable, Later, waits } from './later.ts';
export { peerIdOfPublicKey, publicKeyOfPeerId } from './peer-id.ts';
export { saltedSha256Hex } from './salted-hash.ts';
export { parseStrictJson } from './strict-json.ts';
