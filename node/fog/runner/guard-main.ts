// The program of a guard process. Nothing is imported that it does not need: it starts with every shard.
import { Socket } from 'node:net';
import { ShardGuard } from './guard.ts';
import { CONTROL_FD, type FromGuard, type ToGuard } from './guard-messages.ts';

const SAY_MS = 500;

const control = new Socket({ fd: CONTROL_FD, readable: true, writable: true });
let guard: ShardGuard | undefined;
let unread = '';

// A Ctrl-C or a closed terminal is for the node; it ends us by closing the socket.
for (const name of ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGQUIT'] as const) process.on(name, () => undefined);

/** A node that is stopped does not read: what we have to do does not wait for it. */
function say(message: FromGuard): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, SAY_MS);
    control.write(`${JSON.stringify(message)}\n`, () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

control.setEncoding('utf8');
control.on('data', (chunk: string) => {
  const lines = `${unread}${chunk}`.split('\n');
  unread = lines.pop() ?? '';
  for (const line of lines) {
    const message = JSON.parse(line) as ToGuard;
    if (message.kind !== 'start') guard?.take(message);
    else {
      guard = new ShardGuard(message.orders, say);
      guard.start();
    }
  }
});
control.on('error', () => undefined); // `close` follows
control.on('close', () => (guard === undefined ? process.exit(0) : guard.nodeGone()));
