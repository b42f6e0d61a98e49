import { expect, test } from 'vitest';
import { KeptToken } from '../../../node/agent-side/index.ts';

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Gives tokens out that live so long; `asked` says how often. */
function source(livesMs: number) {
  const clock = { nowMs: 1_800_000_000_000, asked: 0 };
  const mint = async (): Promise<string> => {
    clock.asked += 1;
    return `${encoded({})}.${encoded({ exp: (clock.nowMs + livesMs) / 1_000, n: clock.asked })}.s`;
  };
  return { clock, token: new KeptToken(mint, () => clock.nowMs) };
}

async function askedAfter(ms: number, { clock, token }: ReturnType<typeof source>): Promise<number> {
  clock.nowMs += ms;
  await token.current();
  return clock.asked;
}

test('a token of an hour is kept until a minute before its end', async () => {
  const hour = source(3_600_000);
  expect(await askedAfter(0, hour)).toBe(1);
  expect(await askedAfter(3_539_999, hour)).toBe(1);
  expect(await askedAfter(1, hour)).toBe(2);
});

test.each([60_000, 30_000, 5_000])(
  'one that lives %i ms is kept for half of that, not asked for on each request',
  async (livesMs) => {
    const short = source(livesMs);
    expect(await askedAfter(0, short)).toBe(1);
    expect(await askedAfter(livesMs / 2 - 1, short)).toBe(1);
    expect(await askedAfter(1, short)).toBe(2);
    expect(await askedAfter(1, short)).toBe(2);
  },
);

test('one that is old already when it is given is as good as its end says', async () => {
  const nowMs = 1_800_000_000_000;
  let asked = 0;
  const old = `x.${encoded({ iat: nowMs / 1_000 - 3_600, exp: nowMs / 1_000 + 30 })}.y`;
  const token = new KeptToken(
    async () => {
      asked += 1;
      return old;
    },
    () => nowMs,
  );
  await token.current();
  await token.current();
  expect(asked).toBe(2);
});

test.each(['opaque', 'a.b.c', `x.${encoded({ exp: 'soon' })}.y`, `x.${encoded([1])}.y`, ''])(
  'what says no end (%s) is kept until it is refused',
  async (text) => {
    let asked = 0;
    let nowMs = 0;
    const mint = async (): Promise<string> => {
      asked += 1;
      return text;
    };
    const token = new KeptToken(mint, () => nowMs);
    await token.current();
    nowMs = 1e15;
    await token.current();
    expect(asked).toBe(1);
    token.forget();
    await token.current();
    expect(asked).toBe(2);
  },
);

test('who asks together gets the same one, and a refusal of the source is no token', async () => {
  let fails = true;
  let asked = 0;
  const token = new KeptToken(async () => {
    asked += 1;
    if (fails) throw new Error('no');
    return 'good';
  });
  await expect(token.current()).rejects.toThrow('no');
  fails = false;
  expect(await Promise.all([token.current(), token.current(), token.renewed()])).toEqual(['good', 'good', 'good']);
  expect(asked).toBe(2);
});
