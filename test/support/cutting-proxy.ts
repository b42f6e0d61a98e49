import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface CuttingProxy extends Disposable {
  readonly port: number;
  /** Every connection that is open ends at once, on both sides. */
  cut(): void;
}

/** Passes TCP to a port of this machine, as a network that can fail. */
export async function cuttingProxy(target: number): Promise<CuttingProxy> {
  const open = new Set<Socket>();
  const kept = (socket: Socket): Socket => {
    open.add(socket);
    socket.on('error', () => undefined); // cut on purpose
    socket.on('close', () => open.delete(socket));
    return socket;
  };
  const server = createServer((near) => {
    const far = kept(connect(target, '127.0.0.1'));
    kept(near).pipe(far).pipe(near);
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    [Symbol.dispose]: () => {
      cut();
      server.close();
    },
  };
}
