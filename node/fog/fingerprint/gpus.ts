import { execFile } from 'node:child_process';
import type { Gpu } from '../../../src/fog/index.ts';

const TIMEOUT_MS = 3_000;
const MAX_GPUS = 64;

/** The NVIDIA GPUs of this machine; none where the tool is missing, hangs or says something else. Never rejects. */
export function measuredGpus(tool = 'nvidia-smi'): Promise<readonly Gpu[]> {
  const args = ['--query-gpu=index,name,memory.total', '--format=csv,noheader,nounits'];
  return new Promise((resolve) => {
    execFile(tool, args, { timeout: TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 }, (error, stdout) => {
      resolve(error === null ? gpusIn(stdout) : []);
    });
  });
}

/** Lines of `index, name, MiB`; others are left out. */
export function gpusIn(csv: string): readonly Gpu[] {
  return csv
    .split('\n')
    .flatMap((line) => {
      const match = /^\s*(\d{1,3})\s*,\s*([^,]{1,64}?)\s*,\s*(\d{1,9})\s*$/.exec(line);
      return match === null ? [] : [{ id: `gpu${match[1]}`, model: match[2] as string, memMib: Number(match[3]) }];
    })
    .slice(0, MAX_GPUS);
}
