import { join } from 'node:path';
import type { Place } from './data-folder.ts';

/** An MCP client that starts stdio servers from a configuration file of its own. */
export interface KnownClient {
  readonly name: string;
  readonly title: string;
  /** The member under which the client keeps its servers. */
  readonly block: 'mcpServers' | 'servers';
  /** Members the client wants in an entry besides command and args. */
  readonly extra: Readonly<Record<string, string>>;
  configFile(place: Place): string;
}

/** Where desktop applications keep their settings: Linux, macOS, Windows. */
function applicationFolder({ env, platform, home }: Place): string {
  if (platform === 'win32') return env['APPDATA'] ?? join(home, 'AppData', 'Roaming');
  if (platform === 'darwin') return join(home, 'Library', 'Application Support');
  return env['XDG_CONFIG_HOME'] ?? join(home, '.config');
}

export const CLIENTS: readonly KnownClient[] = [
  {
    name: 'claude',
    title: 'Claude Desktop',
    block: 'mcpServers',
    extra: {},
    configFile: (place) => join(applicationFolder(place), 'Claude', 'claude_desktop_config.json'),
  },
  {
    name: 'claude-code',
    title: 'Claude Code',
    block: 'mcpServers',
    extra: { type: 'stdio' },
    configFile: ({ home }) => join(home, '.claude.json'),
  },
  {
    name: 'cursor',
    title: 'Cursor',
    block: 'mcpServers',
    extra: {},
    configFile: ({ home }) => join(home, '.cursor', 'mcp.json'),
  },
  {
    name: 'vscode',
    title: 'Visual Studio Code',
    block: 'servers',
    extra: { type: 'stdio' },
    configFile: (place) => join(applicationFolder(place), 'Code', 'User', 'mcp.json'),
  },
  {
    name: 'windsurf',
    title: 'Windsurf',
    block: 'mcpServers',
    extra: {},
    configFile: ({ home }) => join(home, '.codeium', 'windsurf', 'mcp_config.json'),
  },
  {
    name: 'gemini',
    title: 'Gemini CLI',
    block: 'mcpServers',
    extra: {},
    configFile: ({ home }) => join(home, '.gemini', 'settings.json'),
  },
];
