import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { redactedContent } from '../../../src/audit/index.ts';
import { parseExactJson } from '../../../src/kernel/index.ts';

const kept = (value: unknown): unknown =>
  (JSON.parse(redactedContent({ arguments: value })) as { arguments: unknown }).arguments;

describe('content kept in the audit log', () => {
  test('shows what was asked and answered', () => {
    const content = {
      arguments: { query: 'weather in Bern', limit: 3, tags: ['a', null, true] },
      result: { ok: true },
    };
    expect(JSON.parse(redactedContent(content))).toEqual(content);
    expect(redactedContent({})).toBe('{}');
  });

  test.each([
    'password',
    'Passwd',
    'user_password',
    'secret',
    'client_secret',
    'token',
    'accessToken',
    'api_key',
    'apiKey',
    'x-api-key',
    'private_key',
    'Authorization',
    'cookie',
    'credentials',
    'otp',
    'pin',
    'session_id',
    'db_pwd',
    'bearer',
    'passkey',
    'mnemonic',
    'seed_phrase',
    'signing_key',
    'encryptionKey',
    'ssh-key',
  ])('hides the value of a member called %s, whatever it is', (name) => {
    expect(kept({ deep: [{ [name]: 'hunter2' }] })).toEqual({ deep: [{ [name]: '[secret]' }] });
    expect(kept({ [name]: { nested: 'hunter2' } })).toEqual({ [name]: '[secret]' });
  });

  test.each([
    ['a JWT', `eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.${'s'.repeat(86)}`],
    ['a key of a cloud', 'AKIAIOSFODNN7EXAMPLE'],
    ['a token of a forge', `ghp_${'a1'.repeat(18)}`],
    ['a key of a model provider', `sk-ant-${'x'.repeat(40)}`],
    ['a private key', `-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END PRIVATE KEY-----`],
  ])('hides %s wherever it stands', (_, secret) => {
    const text = JSON.stringify(kept({ note: `use ${secret} for it`, list: [secret] }));
    expect(text).not.toContain(secret.slice(8, 24));
    expect(text).toContain('[secret]');
  });

  test('hides a bearer header, a password in a URL, and an assignment in a text', () => {
    expect(kept('Authorization: Bearer abcdef0123456789')).not.toContain('abcdef0123456789');
    expect(kept('postgres://me:hunter2@db/x')).toBe('postgres://me:[secret]@db/x');
    expect(kept('run with PASSWORD=hunter22 now')).toBe('run with PASSWORD=[secret] now');
  });

  test.each([
    'https://x.example/?a=b&access_token=hunter2hunter2',
    'https://x.example/?key=hunter2hunter2',
    'DB_PASS=hunter2hunter2 PGPASSWORD=hunter2hunter2 psql',
    'aws_secret_access_key = hunter2hunter2',
    'login --api-key hunter2hunter2 --password "hunter2hunter2"',
    'Authorization: Token hunter2hunter2',
    'Cookie: sid=hunter2hunter2; theme=dark',
    JSON.stringify({ body: JSON.stringify({ dbPassword: 'hunter2hunter2' }) }),
  ])('hides what is said to be a secret in a text: %s', (text) => {
    expect(kept(text)).not.toContain('hunter2');
    expect(kept(text)).toContain('[secret]');
  });

  test('hides the value of a pair and of a flag that name a secret, and not the next one', () => {
    expect(kept({ headers: [{ name: 'Authorization', value: 'hunter2' }] })).toEqual({
      headers: [{ name: 'Authorization', value: '[secret]' }],
    });
    expect(
      kept({
        env: [
          { key: 'API_KEY', value: 'hunter2' },
          { key: 'LANG', value: 'de' },
        ],
      }),
    ).toEqual({
      env: [
        { key: 'API_KEY', value: '[secret]' },
        { key: 'LANG', value: 'de' },
      ],
    });
    expect(kept(['--password', 'hunter2', 'file'])).toEqual(['--password', '[secret]', 'file']);
  });

  test('leaves honest text as it is', () => {
    const honest = [
      'the token ring of 1985',
      'author',
      'SELECT * FROM t WHERE a = 1',
      'ab'.repeat(32),
      'a@b.example',
      'https://x.example/a:b',
      'compass: north',
      'cookies are sweet',
      'git commit --amend --no-edit',
      'the authorization of travel: approved',
      'key=value&keyboard=qwertyui',
    ];
    expect(kept(honest)).toEqual(honest);
    expect(kept({ max_tokens: 100, has_password: false, password: null })).toEqual({
      max_tokens: 100,
      has_password: false,
      password: null,
    });
  });

  test('a secret that lies across the place where a text is cut is hidden whole', () => {
    const secret = `ghp_${'a1'.repeat(18)}`;
    for (let before = 960; before <= 1_000; before += 1) {
      expect(JSON.stringify(kept(`${'x '.repeat(before / 2)}${secret}`))).not.toContain('a1a1');
    }
  });

  test('is bounded and is JSON, whatever it is given', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 16 }), fc.string({ maxLength: 100_000 }), (value, long) => {
        const text = redactedContent({ arguments: { value, long, many: Array.from({ length: 2_000 }, () => long) } });
        expect(() => JSON.parse(text) as unknown).not.toThrow();
        expect((JSON.parse(text) as object) !== null).toBe(true);
      }),
      { numRuns: 50 },
    );
    expect(
      redactedContent({ arguments: { a: 'x'.repeat(1e6), b: Array.from({ length: 1e4 }, () => 'y'.repeat(900)) } })
        .length,
    ).toBeLessThan(10_000);
  });

  test('shows a number that no double holds as it was written, and of a very long one the beginning', () => {
    const content = parseExactJson(`{"id":9223372036854775807,"pin":9223372036854775807,"long":${'7'.repeat(50_000)}}`);
    expect(redactedContent({ arguments: content })).toBe(
      `{"arguments":{"id":9223372036854775807,"pin":"[secret]","long":"${'7'.repeat(1_000)}…"}}`,
    );
  });

  test('is bounded where nothing but secrets is left of what it is given', () => {
    const flags = Array.from({ length: 50_000 }, () => '--token');
    expect(redactedContent({ arguments: flags }).length).toBeLessThan(10_000);
    const pairs = Array.from({ length: 250 }, () => `password=${'x'.repeat(3_900)}`);
    const list = kept(pairs) as string[];
    expect(list.filter((one) => one === 'password=[secret]')).toHaveLength(8);
    expect(list.slice(8).every((one) => one === '…')).toBe(true);
  });

  test('a secret that lies across the end of what is looked through is not shown by half', () => {
    const key = `-----BEGIN PRIVATE KEY-----${'k'.repeat(3_200)}-----END PRIVATE KEY-----`;
    for (let before = 690; before <= 710; before += 1) {
      const text = `${key}${'x '.repeat(before / 2)}ghp_${'a1'.repeat(18)}${' y'.repeat(500)}`;
      expect(kept(text)).toMatch(/^\[secret\](?:x )+/);
      expect(kept(text)).not.toContain('ghp_');
    }
  });

  test('takes a time that grows no faster than the text', () => {
    const began = performance.now();
    for (const hostile of [
      '-----BEGIN '.repeat(400),
      'eyJ'.repeat(1_300),
      'a://:'.repeat(800),
      'password'.repeat(500),
      'authorization:'.repeat(300),
      'cookie: '.repeat(500),
      '--a-'.repeat(1_000),
      '\\\\'.repeat(2_000),
      'token\\'.repeat(600),
      ' '.repeat(4_000),
    ])
      kept(hostile);
    expect(performance.now() - began).toBeLessThan(500);
  });
});
