import fc from 'fast-check';
import { isDeepStrictEqual } from 'node:util';
import { openDescriptor, openHint } from '../../protocols/directory/index.ts';
import { openAd, openMap, readAnnouncement as readFogAnnouncement } from '../../protocols/fog/index.ts';
import {
  openCallRequest,
  openReceipt,
  readAnnouncement as readGovernanceAnnouncement,
} from '../../protocols/governance/index.ts';
import { openChangeNotice, openResourceNotice } from '../../protocols/mcp/index.ts';
import { claimedSigner, readAnnouncement as readRevocation } from '../../protocols/revocation/index.ts';
import { decodeEntry, encodeEntry, openRecord, verifyAnchor, verifyHead } from '../../src/audit/index.ts';
import { Certificate } from '../../src/governance/index.ts';
import { canonicalJson, parseExactJson, parseStrictJson, publicKeyOfPeerId, readJws } from '../../src/kernel/index.ts';
import { parseAgentId, parseInvite } from '../../src/constitution/index.ts';
import { readBody } from '../../src/mcp/index.ts';
import { samplesOf, spoiltText } from './mutations.ts';
import { target, type Target } from './target.ts';

const NODE = '12D3KooWRawPbxPtP1eZaJpumGnyWX2DcUyd3RQnydr3eAto4Az7';
const VILLAGES = {
  directory: 'ea3ce2ee2c8dc8aa6cd80a20485151149fa2de7fbdf3925a99cf9a0d1301bb44',
  fog: 'ab'.repeat(32),
  audit: 'd8c6a5cf2ab94508ca73ef871f179418b5314112d17e5bc1be3987fcb191a39d',
};
const AUDITED = {
  issuerKey: publicKeyOfPeerId(NODE) as Uint8Array,
  villageId: VILLAGES.audit,
  nodeId: '12D3KooWGjSE7eCu5f1Pa8pGxscmoEcdQ5BRMGqbyMvL2dhrPCS5',
};
const SAMPLES = ['directory', 'fog', 'audit', 'governance', 'revocation', 'mcp', 'admission', 'hello'].flatMap(
  samplesOf,
);

const TOKENS = SAMPLES.filter((sample) => /^[\w-]+\.[\w-]+\.[\w-]{86}$/.test(sample));

/** Signed: what opens is one of the samples, byte for byte. Nothing that was changed does. */
const SIGNED: Readonly<Record<string, (text: string) => unknown>> = {
  ad: (text) => openAd(text, VILLAGES.fog),
  map: (text) => openMap(text, VILLAGES.fog),
  descriptor: (text) => openDescriptor(text, { node: NODE, village: VILLAGES.directory }),
  hint: (text) => openHint(text, VILLAGES.directory),
  receipt: (text) => openReceipt(text, VILLAGES.audit),
  request: (text) => openCallRequest(text, { node: NODE, villageId: VILLAGES.audit }),
  head: (text) => verifyHead(text, AUDITED),
  anchor: (text) => verifyAnchor({ head: text, anchor: text }, AUDITED),
};

/** Not signed: read or not, but never thrown at. */
const READ: Readonly<Record<string, (text: string) => unknown>> = {
  jws: (text) => readJws(text, 8_192),
  'fog announcement': (text) => readFogAnnouncement(Buffer.from(text)),
  'governance announcement': (text) => readGovernanceAnnouncement(Buffer.from(text)),
  'revocation announcement': (text) => readRevocation(Buffer.from(text)),
  'resource notice': (text) => openResourceNotice(Buffer.from(text)),
  'change notice': (text) => openChangeNotice(Buffer.from(text)),
  signer: claimedSigner,
  'agent id': parseAgentId,
  'peer id': publicKeyOfPeerId,
  invite: (text) => parseInvite(text, 1_800_000_000_000),
  'audit record': openRecord,
  certificate: (text) => Certificate.safeParse(jsonOf(text)).success,
  message: (text) => readBody(jsonOf(text), text.length),
};

function jsonOf(text: string): unknown {
  try {
    return parseExactJson(text);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
}

const signed = target({
  name: 'signed statements',
  input: fc.oneof(
    { weight: 5, arbitrary: spoiltText(SAMPLES) },
    { weight: 5, arbitrary: spoiltText(TOKENS) },
    { weight: 1, arbitrary: fc.constantFrom(...TOKENS) },
  ),
  mustSee: ['ad opened', 'map opened', 'descriptor opened', 'hint opened', 'refused'],
  holds: (text, seen) => {
    for (const [name, open] of Object.entries(SIGNED)) {
      const opened = open(text);
      seen(opened === undefined ? 'refused' : `${name} opened`);
      if (opened !== undefined && !SAMPLES.includes(text)) throw new Error(`${name}: opened what nobody signed`);
    }
  },
});

const read = target({
  name: 'messages and names',
  input: spoiltText(SAMPLES),
  mustSee: ['read'],
  holds: (text, seen) => {
    for (const open of Object.values(READ)) {
      open(text);
      seen('read');
    }
  },
});

const strict = target({
  name: 'JSON',
  input: spoiltText([...SAMPLES, '{"a":1,"a":2}', '[1e999,-0,18446744073709551615]', '{"__proto__":{"x":1}}']),
  mustSee: ['strict', 'exact', 'neither'],
  holds: (text, seen) => {
    const standard = attempt(() => JSON.parse(text) as unknown);
    const value = parseStrictJson(text);
    const strictly: Attempt = value === undefined ? { ok: false } : { ok: true, value };
    const exactly = attempt(() => parseExactJson(text));
    if (strictly.ok) seen('strict');
    if (exactly.ok) seen('exact');
    if (!strictly.ok && !exactly.ok) seen('neither');
    // Whatever one of ours takes is JSON to everybody else, and means the same.
    if ((strictly.ok || exactly.ok) && !standard.ok) throw new Error('took what is no JSON');
    if (strictly.ok && !isDeepStrictEqual(strictly.value, standard.ok ? standard.value : undefined)) {
      throw new Error('strict JSON means something else');
    }
    const standardText = standard.ok ? JSON.stringify(standard.value) : undefined;
    if (exactly.ok && JSON.stringify(JSON.parse(JSON.stringify(exactly.value))) !== standardText) {
      throw new Error('exact JSON means something else');
    }
    try {
      canonicalJson(value);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // what has no canonical form, as a lone surrogate
    }
  },
});

type Attempt = { readonly ok: true; readonly value: unknown } | { readonly ok: false };

/** Only what says that the text is no JSON may be thrown. */
function attempt(parse: () => unknown): Attempt {
  try {
    return { ok: true, value: parse() };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError || (error instanceof Error && 'code' in error))
      return { ok: false };
    throw error;
  }
}

const entries = target({
  name: 'audit lines',
  input: spoiltText([
    encodeEntry({
      ...{
        seq: 7,
        atMs: 1_800_000_000_000,
        kind: 'call',
        callId: '0'.repeat(32),
        agentId: 'local@abcdefgh',
        level: 'OPERATOR',
      },
      ...{ tokenId: 'ff', method: 'tools/call', server: 'x', target: 'echo', peer: '', sourceIp: '::1', outcome: 'ok' },
      ...{ reason: '', argumentsHash: 'aa', resultHash: 'bb', durationMs: 1.5, justification: '', count: 1 },
    }),
  ]),
  mustSee: ['read', 'refused'],
  holds: (line, seen) => {
    const decoded = attempt(() => decodeEntry(line));
    if (!decoded.ok || (decoded.value as { kind: string }).kind !== 'entry') return seen('refused');
    seen('read');
    const { entry } = decoded.value as { entry: Parameters<typeof encodeEntry>[0] };
    if (encodeEntry(entry) !== line) throw new Error('two lines say the same entry');
  },
});

export const OPENERS: readonly Target[] = [signed, read, strict, entries];
