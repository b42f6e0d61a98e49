import { describe, expect, test } from 'vitest';
import { readMessageText } from '../../../src/mcp/index.ts';

const members = (count: number) => Array.from({ length: count }, (_, at) => `"name ${at}":1`).join(',');
const padded = (text: string) => text + ' '.repeat(70_000);

describe('the text of a message', () => {
  test('may have 16,384 different names of members, and rows of them as many as there is room for', () => {
    expect(readMessageText(`{${members(16_384)}}`).kind).toBe('value');
    const row = `{${members(10)}}`;
    expect(readMessageText(`[${Array.from({ length: 30_000 }, () => row).join(',')}]`).kind).toBe('value');
    expect(readMessageText(`{${members(16_385)}}`)).toMatchObject({ kind: 'too-much', of: 'names' });
    const spread = Array.from({ length: 16_385 }, (_, at) => `{"n${at}":1}`).join(',');
    expect(readMessageText(`[${spread}]`)).toMatchObject({ kind: 'too-much', of: 'names' });
  });

  test('may have 524,288 objects and arrays', () => {
    const empty = (count: number) => `[${Array.from({ length: count - 1 }, () => '[]').join(',')}]`;
    expect(readMessageText(empty(524_288)).kind).toBe('value');
    expect(readMessageText(empty(524_289))).toMatchObject({ kind: 'too-much', of: 'containers' });
  });

  test('may have 16,384 numbers that no double holds, and any number of others', () => {
    const exact = (count: number) => `[${Array.from({ length: count }, () => '1e400').join(',')}]`;
    expect(readMessageText(exact(16_384)).kind).toBe('value');
    expect(readMessageText(exact(16_385))).toMatchObject({ kind: 'too-much', of: 'numbers' });
    const floats = Array.from({ length: 20_000 }, (_, at) => Math.sin(at + 1)).join(',');
    expect(readMessageText(`[${floats}]`).kind).toBe('value');
  });

  test('is not parsed when it is nested over 128 deep, long as it is', () => {
    const nested = (depth: number) => padded('['.repeat(depth) + ']'.repeat(depth));
    expect(readMessageText(nested(128)).kind).toBe('value');
    expect(readMessageText(nested(129))).toMatchObject({ kind: 'too-much', of: 'depth' });
    expect(readMessageText('['.repeat(1_000_000))).toMatchObject({ kind: 'too-much', of: 'depth' });
  });

  test.each(['', '{', padded('{"a"'), '[12345678901234567890,]'])('that is no JSON is none', (text) => {
    expect(readMessageText(text)).toEqual({ kind: 'not-json' });
  });
});
