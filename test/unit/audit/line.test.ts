import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  AUDIT_KINDS,
  AUDIT_OUTCOMES,
  type AuditEntry,
  bounded,
  decodeEntry,
  encodeEntry,
  genesisHash,
  openRecord,
} from '../../../src/audit/index.ts';
import { recordOf, sealEntry } from '../../support/audit.ts';

const entry: AuditEntry = { seq: 7, atMs: 1_764_000_000_123, ...recordOf({ target: 'say "hi"\n', durationMs: 0.5 }) };
const LINE =
  '{"seq":7,"atMs":1764000000123,"kind":"call","callId":"00112233445566778899aabbccddeeff","agentId":"local@Q3xK9a2Z",' +
  '"level":"OPERATOR","tokenId":"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd","method":"tools/call",' +
  '"server":"everything","target":"say \\"hi\\"\\n","peer":"","sourceIp":"127.0.0.1","outcome":"ok","reason":"",' +
  '"argumentsHash":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",' +
  '"resultHash":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","durationMs":0.5,"justification":"","count":1}';

const GENESIS_V_N = '9642b247a3605856e2f7969548526bd0ec394d2f20c4d715bf12f026cfd7bc2b';
const FIRST_HASH = 'e2029b2852316fc6c41d6aec72bcb657e4afc5972316616225cfa21cafe10ede';

const PLACE = { seq: 1, atMs: 1 };

describe('the line of an audit entry', () => {
  test('has one spelling, frozen', () => {
    expect(encodeEntry(entry)).toBe(LINE);
    expect(decodeEntry(LINE)).toEqual({ kind: 'entry', entry });
  });

  test('is what JSON.stringify makes of it, whatever was spelled before it', () => {
    const few = fc.constantFrom('a', 'b', '"', '');
    const durationMs = fc.oneof(
      fc.integer({ min: 0, max: 5_000_000 }).map((micros) => micros / 1000),
      fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
    );
    const varied = fc.record({
      ...{ agentId: few, level: few, tokenId: few, method: few, server: few, target: few, peer: few, sourceIp: few },
      durationMs,
    });
    fc.assert(
      fc.property(fc.array(varied, { minLength: 40, maxLength: 80 }), (records) => {
        for (const changes of records) {
          const one = { seq: 1, atMs: 1, ...recordOf(changes) };
          expect(encodeEntry(one)).toBe(JSON.stringify(one));
        }
      }),
      { numRuns: 50 },
    );
  });

  test('is read back as it was written, whatever the texts hold', () => {
    const words = fc.string({ unit: 'binary' });
    const arbitrary = fc.record({
      seq: fc.integer({ min: 1 }),
      atMs: fc.nat(),
      kind: fc.constantFrom(...AUDIT_KINDS),
      callId: words,
      agentId: words,
      level: words,
      tokenId: words,
      method: words,
      server: words,
      target: words,
      peer: words,
      sourceIp: words,
      outcome: fc.constantFrom(...AUDIT_OUTCOMES),
      reason: words,
      argumentsHash: words,
      resultHash: words,
      durationMs: fc.nat().map((micros) => micros / 1000),
      justification: words,
      count: fc.nat(),
    });
    fc.assert(
      fc.property(arbitrary, (value) => {
        const { record, hash } = sealEntry('0'.repeat(64), value);
        const opened = openRecord(Buffer.from(record));
        expect(opened?.hash).toBe(hash);
        expect(decodeEntry(opened?.line ?? '')).toEqual({ kind: 'entry', entry: value });
        expect(record).not.toContain('\n');
      }),
      { numRuns: 40 },
    );
  });

  test.each([
    ['a missing field', LINE.replace('"level":"OPERATOR",', ''), 'field level is missing'],
    ['an unknown field', LINE.replace('"count":1', '"count":1,"extra":1'), 'field "extra" is unknown'],
    ['another type', LINE.replace('"count":1', '"count":"1"'), 'field count has a value it cannot have'],
    ['a kind that is none', LINE.replace('"kind":"call"', '"kind":"cal"'), 'field kind has a value it cannot have'],
    ['a negative time', LINE.replace('"atMs":1', '"atMs":-1'), 'field atMs has a value it cannot have'],
    ['entry number 0', LINE.replace('"seq":7', '"seq":0'), 'field seq has a value it cannot have'],
    ['a space', LINE.replace('"seq":7', '"seq": 7'), 'it is not spelled in the fixed field order'],
    [
      'another order',
      LINE.replace('"seq":7,"atMs":1764000000123', '"atMs":1764000000123,"seq":7'),
      'it is not spelled in the fixed field order',
    ],
    ['a field twice', LINE.replace('{"seq":7', '{"seq":7,"seq":7'), 'it is not spelled in the fixed field order'],
    ['another escape', LINE.replace('local', '\\u006cocal'), 'it is not spelled in the fixed field order'],
    ['an array', '[]', 'it is not a JSON object'],
    ['null', 'null', 'it is not a JSON object'],
    ['half a line', LINE.slice(0, 100), 'it is not JSON'],
    ['nothing', '', 'it is not JSON'],
  ])('%s is refused and named', (_, line, because) => {
    expect(decodeEntry(line)).toEqual({ kind: 'malformed', because });
  });

  test('says of each entry what it is about, however much of it is as before', () => {
    const about = ['agentId', 'level', 'tokenId', 'method', 'server', 'target', 'peer', 'sourceIp'] as const;
    const changing = { ...bounded(recordOf(), PLACE) };
    for (const field of about) {
      expect(encodeEntry({ ...bounded(recordOf(), PLACE), [field]: `other "${field}"` })).toContain(
        `"${field}":"other \\"${field}\\""`,
      );
      Object.assign(changing, { [field]: `another ${field}` });
      expect(encodeEntry(changing)).toBe(JSON.stringify(changing));
    }
  });

  test('is short whatever an agent sends', () => {
    const long = bounded(
      recordOf({ target: 'x'.repeat(5_000_000), method: 'm'.repeat(300), justification: 'j'.repeat(10_000) }),
      PLACE,
    );
    expect(long.target).toHaveLength(1024);
    expect(long.target.endsWith('x…')).toBe(true);
    expect(long.method).toHaveLength(256);
    expect(long.justification).toHaveLength(2048);
  });

  test('carries a number that JSON can carry, whatever was measured', () => {
    expect(bounded(recordOf({ durationMs: Number.NaN }), PLACE).durationMs).toBe(0);
    expect(bounded(recordOf({ durationMs: -3 }), PLACE).durationMs).toBe(0);
    expect(bounded(recordOf({ durationMs: 1.23456789 }), PLACE).durationMs).toBe(1.235);
    expect(bounded(recordOf({ count: 1.5 }), PLACE).count).toBe(0);
  });
});

describe('the chain', () => {
  test('begins with village and node, frozen', () => {
    // printf 'village-audit/1\nV\nN' | sha256sum
    expect(genesisHash('V', 'N')).toBe(GENESIS_V_N);
  });

  test('hashes the previous hash and the line, frozen', () => {
    // printf '%s' "$GENESIS_V_N$LINE" | sha256sum
    expect(sealEntry(GENESIS_V_N, entry).hash).toBe(FIRST_HASH);
  });

  test.each([
    ['no hash', LINE],
    ['a hash in capitals', `${LINE.slice(0, -1)},"hash":"${'A'.repeat(64)}"}`],
    ['bytes after the hash', `${LINE.slice(0, -1)},"hash":"${'a'.repeat(64)}"} `],
    ['nothing', ''],
  ])('a record with %s is no record', (_, record) => {
    expect(openRecord(record)).toBeUndefined();
  });

  test('a record that is not UTF-8 is no record', () => {
    const bytes = Buffer.from(sealEntry(GENESIS_V_N, entry).record);
    bytes[20] = 0xff;
    expect(openRecord(bytes)).toBeUndefined();
  });
});
