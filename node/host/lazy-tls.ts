import type { ConnectionEncrypter } from '@libp2p/interface';
import type { tls } from '@libp2p/tls';

type TlsComponents = Parameters<ReturnType<typeof tls>>[0];

/** TLS 1.3 for peers that have no Noise; loaded when the first one comes, for it costs 13 MiB and 80 ms. */
export function lazyTls(): (components: TlsComponents) => ConnectionEncrypter {
  return (components) => {
    let loading: Promise<ConnectionEncrypter> | undefined;
    const load = (): Promise<ConnectionEncrypter> => {
      loading ??= import('@libp2p/tls').then((module) => module.tls()(components));
      return loading;
    };
    return {
      protocol: '/tls/1.0.0',
      secureInbound: async (stream, options) => (await load()).secureInbound(stream, options),
      secureOutbound: async (stream, options) => (await load()).secureOutbound(stream, options),
    };
  };
}
