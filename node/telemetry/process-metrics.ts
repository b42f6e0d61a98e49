import type { monitorEventLoopDelay } from 'node:perf_hooks';
import { counter, type Family, gauge } from './openmetrics.ts';

/** What the process takes of the machine, and how late its event loop is by `delay`. */
export function processFamilies(delay: ReturnType<typeof monitorEventLoopDelay>): Family[] {
  const startedAt = (Date.now() - process.uptime() * 1000) / 1000;
  return [
    counter({ name: 'process_cpu_seconds', unit: 'seconds', help: 'Processor time used, user and system.' }, () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    }),
    gauge({ name: 'process_resident_memory_bytes', unit: 'bytes', help: 'Memory resident.' }, () =>
      process.memoryUsage.rss(),
    ),
    ...memoryFamilies(),
    gauge(
      { name: 'process_start_time_seconds', unit: 'seconds', help: 'When the process started, Unix time.' },
      () => startedAt,
    ),
    gauge(
      { name: 'nodejs_eventloop_lag_seconds', unit: 'seconds', help: 'Event loop delay since the last reading.' },
      () => {
        const quantiles = [50, 99, 100].map(
          (at) => [{ stat: at === 100 ? 'max' : `p${at}` }, late(delay.percentile(at))] as const,
        );
        delay.reset();
        return quantiles;
      },
    ),
  ];
}

/** Where what is resident comes from: what of it grows tells what leaks. */
function memoryFamilies(): Family[] {
  const gauges = [
    ['nodejs_heap_size_used_bytes', 'Objects of the program, those that nobody needs any more among them.', 'heapUsed'],
    ['nodejs_heap_size_total_bytes', 'Set aside for objects of the program.', 'heapTotal'],
    [
      'nodejs_external_memory_bytes',
      'Held by objects of the program outside its heap, array buffers included.',
      'external',
    ],
    ['nodejs_array_buffers_bytes', 'Array buffers, and with them all that is read and written.', 'arrayBuffers'],
  ] as const;
  return gauges.map(([name, help, of]) => gauge({ name, unit: 'bytes', help }, () => process.memoryUsage()[of]));
}

/** The histogram's nanoseconds include its own 50 ms pace. */
function late(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e9 - 0.05);
}
