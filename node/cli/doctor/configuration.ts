import { access, constants, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { type Config, ConfigError, type LoadedConfig, loadConfig } from '../../config/index.ts';
import { type Finding, fine, problem, warning } from './finding.ts';

type Env = Readonly<Record<string, string | undefined>>;

export async function checkConfig(dataDir: string, env: Env): Promise<{ findings: Finding[]; config?: Config }> {
  const check = 'configuration';
  let loaded: LoadedConfig;
  try {
    loaded = await loadConfig({ dataDir, env });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { findings: [problem(check, error.message, error.hint ?? 'mend the file')] };
  }
  const { config, notices, file, present } = loaded;
  const finding =
    notices.length > 0
      ? warning(check, notices.join('; '), `take these keys out of ${file} if you expected them to matter`)
      : fine(check, present ? file : 'none; the defaults hold');
  return { findings: [finding, ...(await checkReaders(loaded))], config };
}

/** What stands in `env` and `headers` is often a key; a variable in its place keeps it out of the file. */
async function checkReaders({ file, origins }: LoadedConfig): Promise<Finding[]> {
  const secret = [...origins].find(
    ([path, { origin }]) => origin === 'file' && /^mcpServers\.[^.]+\.(env|headers)\./.test(path),
  );
  if (secret === undefined || process.platform === 'win32') return [];
  const { mode } = await stat(file);
  if ((mode & 0o077) === 0) return [];
  const found = `others may read ${file} (mode ${(mode & 0o777).toString(8)}), which holds \`${secret[0]}\``;
  return [warning('configuration', found, `chmod 600 ${file}, or write \${NAME} there and set the variable`)];
}

/** The program of each server that would be started is on the PATH that it would be started with. */
export async function checkCommands(config: Config, env: Env): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [alias, server] of Object.entries(config.mcpServers)) {
    if (server.command === undefined || !server.enabled) continue;
    const check = `server ${alias}`;
    const path = server.env['PATH'] ?? env['PATH'] ?? '';
    const found = await locate(server.command, path);
    findings.push(
      found === undefined
        ? problem(check, `there is no program \`${server.command}\``, 'install it, or give its full path as `command`')
        : fine(check, found),
    );
  }
  return findings;
}

async function locate(command: string, path: string): Promise<string | undefined> {
  const endings = process.platform === 'win32' ? ['', '.exe', '.cmd', '.bat'] : [''];
  const folders = /[\\/]/.test(command) ? [''] : path.split(delimiter).filter((folder) => folder !== '');
  for (const candidate of folders.flatMap((folder) => endings.map((ending) => join(folder, command + ending)))) {
    if (
      await access(candidate, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return candidate;
  }
  return undefined;
}

/** Whether a node could listen there now. */
export async function checkAddress(flag: 'gateway' | 'admin', address: string): Promise<Finding> {
  const check = `${flag} address`;
  const split = address.lastIndexOf(':');
  const host = address.slice(0, split).replace(/^\[|\]$/g, '');
  const free = await new Promise<boolean>((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host, port: Number(address.slice(split + 1)) }, () => server.close(() => resolve(true)));
  });
  if (free) return fine(check, `${address} is free`);
  return problem(
    check,
    `${address} is taken or cannot be used`,
    `start with --${flag} HOST:PORT, or set \`${flag}\` in village.json`,
  );
}
