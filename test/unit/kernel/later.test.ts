import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { after, type Awaitable, Later, waits } from '../../../src/kernel/index.ts';

describe('a Later', () => {
  it('tells its listener inside settle, and what that makes of it goes on at once', () => {
    const later = new Later<number>();
    const heard: string[] = [];
    void later.after((value) => value + 1).after((value) => void heard.push(`got ${value}`));
    later.settle(1);
    heard.push('settle returned');
    expect(heard).toEqual(['got 2', 'settle returned']);
  });

  it('ends once', async () => {
    const later = new Later<string>();
    later.settle('first');
    later.settle('second');
    later.fail(new Error('third'));
    expect(await later).toBe('first');
  });

  it('tells who listens only after it was settled', () => {
    const heard: number[] = [];
    void Later.of(7).after((value) => void heard.push(value));
    expect(heard).toEqual([7]);
  });

  it('waits for what its listener answers, be it a promise or another Later', async () => {
    const inner = new Later<string>();
    const outer = Later.of(1).after(() => inner);
    const promised = Later.of(1).after(() => Promise.resolve('from a promise'));
    inner.settle('from a Later');
    expect([await outer, await promised]).toEqual(['from a Later', 'from a promise']);
  });

  it('passes a failure on until somebody takes it', async () => {
    const later = new Later<number>();
    const taken = later.after((value) => value * 2).after(String, (error) => `taken: ${(error as Error).message}`);
    later.fail(new Error('broken'));
    expect(await taken).toBe('taken: broken');
  });

  it('makes a failure of what its listener throws, and its teller does not notice', async () => {
    const later = new Later<number>();
    const thrown = later.after(() => {
      throw new Error('in the listener');
    });
    expect(() => later.settle(1)).not.toThrow();
    await expect(Promise.resolve(thrown)).rejects.toThrow('in the listener');
  });

  it('fails with what a promise that it waits for rejects with', async () => {
    const later = Later.of(1).after(() => Promise.reject(new Error('rejected')));
    await expect(Promise.resolve(later)).rejects.toThrow('rejected');
  });

  it('has one listener, and any number of who await it', async () => {
    const later = new Later<number>();
    const both = Promise.all([later, later]);
    await Promise.resolve(); // until both have asked
    expect(() => later.after(String)).toThrow(TypeError);
    later.settle(3);
    expect(await both).toEqual([3, 3]);
  });

  it('ends the process where it fails and nobody hears, as a promise does', () => {
    const kernel = new URL('../../../src/kernel/index.ts', import.meta.url);
    const script = `import { Later } from '${kernel.href}'; new Later().fail(new Error('unheard'));`;
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 10_000 });
    expect([status, stderr.toString()]).toEqual([1, expect.stringContaining('Error: unheard')]);
  });
});

describe('after', () => {
  it('goes on at once with what is there', () => {
    expect(after(2, (value) => value + 1)).toBe(3);
  });

  it('leaves a throw to its caller where nothing had to be waited for', () => {
    const throws = (): number => {
      throw new Error('now');
    };
    expect(() => after(1, throws, () => 0)).toThrow('now');
  });

  it('goes on later with what has to be waited for', async () => {
    const later = new Later<number>();
    const both: Awaitable<number>[] = [after(later, (value) => value + 1), after(Promise.resolve(1), (value) => value)];
    expect(both.map(waits)).toEqual([true, true]);
    later.settle(1);
    expect([await both[0], await both[1]]).toEqual([2, 1]);
  });

  it('hands failures of both kinds to who takes them', async () => {
    const later = new Later<string>();
    const taken = [later, Promise.reject(new Error('b'))].map((one) =>
      after(one as Awaitable<string>, String, (error) => (error as Error).message),
    );
    later.fail(new Error('a'));
    expect([await taken[0], await taken[1]]).toEqual(['a', 'b']);
  });
});
