import type { Stream } from '@libp2p/interface';

/** `stream` with a valve before its sending side: while shut it says that it takes no more, as one does whose reader is slow. */
export function valved(stream: Stream): { readonly stream: Stream; shut(): void; open(): void } {
  let isShut = false;
  const proxied = new Proxy(stream, {
    get(target, name) {
      if (name === 'writableNeedsDrain') return isShut || target.writableNeedsDrain;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return {
    stream: proxied,
    shut: () => {
      isShut = true;
    },
    open: () => {
      isShut = false;
      stream.dispatchEvent(new Event('drain'));
    },
  };
}
