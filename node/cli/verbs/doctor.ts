import { VillageError } from '../../../src/kernel/index.ts';
import { findRunning, type Running } from '../../admin/index.ts';
import {
  checkAddress,
  checkClock,
  checkCommands,
  checkConfig,
  checkDataFolder,
  checkFreeSpace,
  checkNamedFiles,
  checkNodeVersion,
  checkSecretFiles,
  type Finding,
  fine,
  newestFileMs,
  problem,
  warning,
} from '../doctor/index.ts';
import { EXIT } from '../exit.ts';
import { type AddVerb, dataOf, type Invocation, withSession } from '../invocation.ts';
import { printable } from '../terminal.ts';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';

const MARK = { ok: 'ok     ', warning: 'warning', problem: 'PROBLEM' } as const;
const AUDIT_TIMEOUT_MS = 120_000;

export const addDoctor: AddVerb = (program, invocation) => {
  program
    .command('doctor')
    .description('finds what is wrong and says what to do')
    .action(async (_options, command: Command) => {
      const findings = await examine(command, invocation);
      const text = findings.map(
        ({ check, status, found, remedy }) =>
          `${MARK[status]}  ${check}: ${found}${remedy === undefined ? '' : `\n         → ${remedy}`}`,
      );
      const ok = !findings.some((finding) => finding.status === 'problem');
      invocation.terminal.answer({ ok, findings }, printable(text.join('\n')));
      if (!ok) invocation.exitCode = EXIT.failed;
    });
};

async function examine(command: Command, invocation: Invocation): Promise<Finding[]> {
  const dataDir = dataOf(command);
  const running = await findRunning(dataDir);
  const { findings: ofConfig, config } = await checkConfig(dataDir, invocation.env);
  const findings = [
    checkNodeVersion(process.version),
    checkClock(Date.now(), await newestFileMs(dataDir)),
    await checkDataFolder(dataDir),
    await checkFreeSpace(dataDir),
    await checkSecretFiles(dataDir),
    ...ofConfig,
    ...(config === undefined ? [] : await checkCommands(config, invocation.env)),
    ...(config === undefined ? [] : checkNamedFiles(config, { dataDir, nowMs: Date.now() })),
    checkRunning(running, dataDir),
  ];
  if (running.kind !== 'running' && config !== undefined) {
    findings.push(await checkAddress('gateway', config.gateway), await checkAddress('admin', config.admin));
  }
  if (existsSync(join(dataDir, 'store'))) findings.push(await checkAudit(command, invocation));
  return findings;
}

function checkRunning(running: Running, dataDir: string): Finding {
  const check = 'running node';
  if (running.kind === 'none') return fine(check, 'none');
  if (running.kind === 'running') return fine(check, `pid ${running.run.pid} since ${running.run.started_at}`);
  if (running.because === 'process-gone') {
    return warning(
      check,
      `run.json is left from a node that ended (pid ${running.run.pid})`,
      `nothing: the next start replaces it (or remove ${join(dataDir, 'run.json')})`,
    );
  }
  return problem(
    check,
    `process ${running.run.pid} is there and does not answer`,
    `look at its log; if it is no node, remove ${join(dataDir, 'run.json')}`,
  );
}

/** Opening the store says whether another process holds it; reading the log, whether its chain is whole. */
async function checkAudit(command: Command, invocation: Invocation): Promise<Finding> {
  const check = 'audit log';
  try {
    return await withSession(command, invocation, async (session) => {
      const verdict = await session.call('audit.verify', {}, { timeoutMs: AUDIT_TIMEOUT_MS });
      if (verdict.ok) return fine(check, `${verdict.checked} entries, every one in its place`);
      const { seq, message } = verdict.broken_at ?? { seq: '?', message: 'it does not verify' };
      return problem(
        check,
        `entry ${seq}: ${message}`,
        'keep the folder as it is, and compare with an export or a backup',
      );
    });
  } catch (error) {
    if (!(error instanceof VillageError)) throw error;
    return problem(check, error.message, error.hint ?? `see ${error.code} in the README`);
  }
}
