import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { measuredCapacity } from '../../../node/fog/fingerprint/capacity.ts';
import { measuredCpuMilli, quotaMilli } from '../../../node/fog/fingerprint/cores.ts';
import { gpusIn, measuredGpus } from '../../../node/fog/fingerprint/gpus.ts';
import { measuredCelsius, thermalLevel } from '../../../node/fog/fingerprint/heat.ts';
import { measuredMemMib } from '../../../node/fog/fingerprint/memory.ts';
import { measuredPower } from '../../../node/fog/fingerprint/power.ts';
import { measuredPressure, someAvg10 } from '../../../node/fog/fingerprint/pressure.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'fingerprint-'));
  folders.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

describe('cores', () => {
  test.each([
    ['max 100000', undefined],
    ['50000 100000\n', 500],
    ['250000 100000', 2_500],
    ['', undefined],
    ['50000 0', undefined],
    ['x y', undefined],
  ])('a quota of %j is %s milli-cores', (text, milli) => {
    expect(quotaMilli(text)).toBe(milli);
  });

  test('affinity bounds them where no quota does', async () => {
    const milli = await measuredCpuMilli(1);
    expect(milli).toBeGreaterThan(0);
    expect(milli).toBeLessThanOrEqual(1_000);
  });
});

describe('memory', () => {
  const GIB = 1024 ** 3;
  test.each([
    ['a limit below the machine counts', GIB, 1_024],
    ['what Node says where there is no limit does not', 1.8446744073709552e19, 8_192],
    ['nor does zero', 0, 8_192],
  ])('%s', (_, constrained, mib) => {
    expect(measuredMemMib({ total: 8 * GIB, constrained })).toBe(mib);
  });
});

describe('GPUs', () => {
  test('each line of the tool is one; what does not read is left out', () => {
    expect(gpusIn('0, NVIDIA A10, 23028\n1, Tesla T4, 15360\nfoo\n, , \n')).toEqual([
      { id: 'gpu0', model: 'NVIDIA A10', memMib: 23_028 },
      { id: 'gpu1', model: 'Tesla T4', memMib: 15_360 },
    ]);
  });

  test('without the tool there are none', async () => {
    expect(await measuredGpus('/nonexistent/nvidia-smi')).toEqual([]);
  });

  test('a tool that fails tells of none', async () => {
    const tool = join(folder({ smi: '#!/bin/sh\necho "0, X, 1"\nexit 9\n' }), 'smi');
    chmodSync(tool, 0o755);
    expect(await measuredGpus(tool)).toEqual([]);
  });
});

describe('power', () => {
  test('a machine without a battery is on mains', async () => {
    expect(await measuredPower('/nonexistent')).toEqual({ source: 'mains', percent: null, charging: false });
  });

  test('the emptiest battery counts, and a mouse has none', async () => {
    const at = folder({
      'AC/type': 'Mains\n',
      'AC/online': '0\n',
      'BAT0/type': 'Battery\n',
      'BAT0/capacity': '31\n',
      'BAT0/status': 'Discharging\n',
      'BAT1/type': 'Battery\n',
      'BAT1/capacity': '80\n',
      'mouse/type': 'Battery\n',
      'mouse/scope': 'Device\n',
      'mouse/capacity': '3\n',
    });
    expect(await measuredPower(at)).toEqual({ source: 'battery', percent: 31, charging: false });
  });

  test('plugged in is mains, whatever the battery holds', async () => {
    const at = folder({
      'AC/type': 'Mains',
      'AC/online': '1',
      'B/type': 'Battery',
      'B/capacity': '9',
      'B/status': 'Charging',
    });
    expect(await measuredPower(at)).toEqual({ source: 'mains', percent: 9, charging: true });
  });
});

test('the hottest zone counts, and a sensor that talks nonsense does not', async () => {
  const at = folder({
    'thermal_zone0/temp': '41000\n',
    'thermal_zone1/temp': '63500\n',
    'thermal_zone2/temp': '-274000\n',
  });
  expect(await measuredCelsius(at)).toBe(64);
  expect(await measuredCelsius('/nonexistent')).toBeUndefined();
});

test('pressure is the share of the last 10 s in whole percent', async () => {
  expect(someAvg10('some avg10=12.60 avg60=1.00 avg300=0.00 total=9\nfull avg10=99.00\n')).toBe(13);
  expect(someAvg10('nothing')).toBe(0);
  expect(await measuredPressure('/nonexistent')).toBeNull();
});

describe('what a node gives', () => {
  test('what the operator wrote counts as it is, in whole units', async () => {
    const given = await measuredCapacity({ cpu_cores: 4, memory_gb: 8, disk_gb: 0.5, gpus: 1 }, '/');
    expect(given).toEqual({
      cpuMilli: 4_000,
      memMib: 8_192,
      diskMib: 512,
      gpus: [{ id: 'gpu0', model: 'declared', memMib: 0 }],
    });
  });

  test('of what is measured a fifth stays with the owner', async () => {
    const { cpuMilli, memMib } = await measuredCapacity({ gpus: 0 }, '/');
    expect(cpuMilli).toBe(Math.floor((await measuredCpuMilli()) * 0.8));
    expect(memMib).toBe(Math.floor(measuredMemMib() * 0.8));
  });
});

test.each([
  [undefined, 'normal'],
  [74, 'normal'],
  [75, 'warm'],
  [88, 'hot'],
  [97, 'critical'],
])('%s degrees are %s', (celsius, level) => {
  expect(thermalLevel(celsius)).toBe(level);
});
