import type { Signature } from './finding.ts';

const PROGRAMS = [
  'cat ls rm id whoami uname curl wget nc ncat netcat bash sh zsh dash ksh python[23]? perl ruby php node ping nslookup',
  'dig host sleep echo printf touch chmod chown kill reboot shutdown halt mkfifo telnet ssh scp ftp tftp powershell pwsh',
  '[cC][mM][dD](?:\\.exe)? PowerShell certutil bitsadmin systeminfo netsh reg\\.exe wmic phpinfo ifconfig ipconfig env printenv dir type del eval exec sudo su crontab tee xargs awk sed',
  'find head tail base64 openssl mail sendmail tar cp mv dd mkdir ps netstat ss lsof docker kubectl hostname pwd set cd more less',
]
  .join(' ')
  .replaceAll(' ', '|');
/** Words of everyday lists and of prose, which do nothing where nothing follows: `dog|cat`, "must be `set`". */
const IDLE = 'cat|type|set|find|head|tail|host|more|less|sleep|node|mail|dir|del|dig|touch|echo|tee|cd|mv|cp';
const WORD_LIKE = { path: 0.95, url: 0.9, word: 0.95, command: 0, code: 0, text: 0.15 };

/** A shell at work where none was asked for, and what no command line of an honest agent holds. */
export const SHELL: readonly Signature[] = [
  {
    family: 'command-injection',
    // Not before `=`: `&type=x` is a query of an address.
    pattern: new RegExp(
      `(?:[;&|\`\\n]|\\\\n|\\$\\(|[<>]\\()\\s{0,8}(?:\\\\?/(?:usr/)?(?:local/)?s?bin/)?(?!(?:${IDLE})\\s{0,4}(?:[|;,\`'")\\].:]|$))(?:${PROGRAMS})(?![\\w=,-])(?!\\s*=)`,
    ),
    weights: WORD_LIKE,
  },
  {
    family: 'command-injection',
    // Also a command taken apart so that a filter does not see it: `w\ho`, `{cat,x}`, `/???/c?t`.
    pattern:
      /\$\((?![A-Z]\w{1,40}\))[^)]{1,200}\)|`(?=\/|[^`]{0,200}(?:\$[({]|[;|&>]\s{0,2}\/))[^`]{1,200}`|\$\{?IFS\b|;\s*\$\w|[;&|]\s{0,8}\w{1,20}(?:\\|''|""|'\w{1,8}')\w|[;&|]\s{0,8}\/[?*/]{2,}|[;&|]\s{0,8}\{\w{1,20},|[;&|]\s{0,8}\w?=?\$'|(?:[;|]|&&)\s{0,8}\w{1,3}=\S{1,60}[;&]/,
    weights: { path: 0.9, url: 0.85, word: 0.9, command: 0.1, code: 0, text: 0 },
  },
  {
    family: 'command-injection',
    // `--upload-pack=…`, `-oProxyCommand=…`: a word that is an option of the program it is handed to.
    pattern:
      /^ext::|\s--checkpoint\b|^\s{0,4}--?(?:upload-pack|receive-pack|exec|ext-diff|output|o?ProxyCommand|use-compress-program|checkpoint-action|config|eval|c\s)[=\s]?/i,
    weights: { path: 0.9, url: 0.9, word: 0.9, command: 0, code: 0, text: 0 },
  },
  {
    family: 'command-injection',
    pattern:
      /\/dev\/(?:tcp|udp)\/|\bnc(?:at)?(?:\.\w{1,12})?(?=\s)[^\n]{0,80}\s-[a-z]{0,6}[ec]\s|\bbash\s+-i\b[^\n]{0,40}[<>&]|\bmkfifo\s+[^\n]{1,80}(?:\bsh\b|\bnc\b|\btelnet\b)|\bpty\.spawn|\bsocat\b[^\n]{0,80}\bexec:\S{0,20}(?:sh\b|cmd|powershell)|base64\s+(?:-d|-D|--decode)\b[^\n]{0,60}\|\s*(?:sudo\s+)?(?:ba|z|da|k)?sh\b|base64\s+(?:-d|-D|--decode)\b[^\n]{0,60}\|\s*(?:python|perl)|\bpowershell\b[^\n]{0,80}\s-e(?:nc\w{0,15})?\s+[\w+/=]{16}|\bIEX\s*\(\s*(?:New-Object|iwr|irm|wget|curl|Invoke-\w|\[)|DownloadString\s*\(/i,
    weights: { path: 0.97, url: 0.97, word: 0.97, command: 0.92, code: 0.45, text: 0.5 },
  },
  {
    family: 'command-injection',
    pattern:
      /\brm\s+(?:-{1,2}[\w-]{1,30}\s+){1,4}["']?(?:\/(?:\s|\*|$|["';&|]|(?:etc|usr|home|var|boot|bin|lib|root|opt)(?:\/?\*?)?(?:\s|$|["';&|]))|~\/?(?:\s|$|\*)|\$\{?HOME\}?["']?\/?\*?(?:\s|$|["';&|)]))|:\(\)\s*\{\s*:\s*\||\bmkfs(?:\.\w{1,8})?\s+[^\n]{0,40}\/dev\/|\bdd\s+(?=[^\n]{0,80}\bif=\/dev\/(?:zero|u?random))[^\n]{0,80}\bof=\/dev\/(?:sd|hd|nvme|vd|mmc)|>\s*\/dev\/(?:sd|nvme|vd)\w|\bchmod\s+(?:-R\s+)?[0-7]?777\s+\/(?:\s|$)|\brm\s+-[a-z]{0,4}[rf][a-z]{0,4}\s[^\n;|&]{0,200}\s\/(?:etc|usr|var|home|boot|bin|lib|root|opt)\/?(?:\s|$)|\bfind\s+\/(?:(?:etc|usr|var|home|root)\/?)?\s+(?:-(?:type\s+\w|depth|xdev|mindepth\s+\d|maxdepth\s+\d|mount)\s+){0,4}-(?:delete|exec\s+rm)\b|\bformat\s+[a-z]:|\b(?:del|rd|rmdir)\s+(?:\/[a-z]\s+){1,5}[a-z]:\\|\bremove-item\b[^\n]{0,80}-recurse\b[^\n]{0,80}\b[a-z]:\\(?:\*|\s|$|windows|users)|\bshred\b[^\n]{0,60}\/(?:var\/log|etc|dev)\b|\bdocker\s+run\b[^\n]{0,120}\s-v\s+\/:\/[\w/]{1,30}(?=\s)|\biptables\s+-F\b[^\n]{0,80}\bstop\b|\bsystemctl\s+(?:stop|disable)\s+(?:auditd|rsyslog|apparmor|falco)/i,
    weights: { path: 0.97, url: 0.97, word: 0.97, command: 0.92, code: 0.3, text: 0.3 },
  },
  {
    family: 'command-injection',
    // A shell at the end of a line to somewhere else, in whatever language; what makes a shell privileged, or forgets that it was there.
    pattern:
      /(?:\bsocket\b|SOCK_STREAM|fsockopen|TCPSocket|Socket::INET|TcpStream|TCPClient|\bnet\.(?:connect|Socket|Dial))[^\n]{0,400}(?:\/bin\/(?:ba|z|da|k)?sh\b|\bcmd(?:\.exe)?\b|\bdup2\b|\bpty\b|\bIO\.popen|\bsystem\$_|\biex\b)|\bnet\s+(?:user|localgroup)\s[^\n]{0,60}\/add\b|\breg\s+add\s+["']?HKLM|\bnetsh\s+\w{1,20}\s+set\s+opmode\s+disable|\bunset\s+HISTFILE\b|\bHISTSIZE=0\b|\|\s?(?:\/bin\/)?(?:ba|z|da|k)?sh(?:\s-i)?(?:\s2>&1)?\s?\|\s?(?:nc|ncat|telnet|openssl|socat)\b|\/inet\/(?:tcp|udp)\/|\bs_client\b[^\n]{0,120}\|\s?\S{0,8}sh\b|\bhistory\s+-d\b[^\n]{0,20}&&\s?history\b|\bchmod\s+(?:[ug]{1,2}\+s|[4-7]\d{3})\s+\S{0,60}\/(?:ba|z|da|k)?sh\b|\buseradd\s[^\n]{0,40}-\w{0,4}u\s{0,2}0\b/i,
    weights: { path: 0.95, url: 0.95, word: 0.95, command: 0.92, code: 0.2, text: 0.4 },
  },
  {
    family: 'command-injection',
    // Installers do this too.
    pattern:
      /\b(?:curl|wget)\b[^\n|]{0,120}\|\s*(?:sudo\s+)?(?:ba|z|da|k)?sh\b|\b(?:curl|wget)\b[^\n|]{0,120}\|\s*(?:python|perl|ruby)/i,
    weights: { path: 0.97, url: 0.95, word: 0.97, command: 0.6, code: 0.1, text: 0.2 },
  },
  {
    family: 'command-injection',
    // Installers come over TLS, by name, and not from a timer's table.
    pattern:
      /\b(?:curl|wget)\b[^\n|;]{0,80}(?:http:\/\/|\/\/\d{1,3}(?:\.\d{1,3}){3})[^\n|]{0,100}(?:\|\s*(?:sudo\s+)?(?:ba|z|da|k)?sh\b|&&\s*chmod\s+\S{0,6}[x7])|\*\s+\*\s+\*[^\n]{0,120}\b(?:curl|wget)\b[^\n]{0,100}\|\s*(?:ba)?sh\b|\bNOPASSWD\s*:\s*ALL\b|\bhistory\s+-c\b/i,
    weights: { path: 0.97, url: 0.95, word: 0.97, command: 0.92, code: 0.1, text: 0.4 },
  },
  {
    family: 'secret-leaving',
    pattern:
      /(?:\/etc\/(?:passwd|shadow|sudoers)|\.ssh\/(?![\w.-]{1,40}\.pub\b)|id_(?:rsa|ed25519)(?!\.pub\b)|\.aws\/credentials|\.env\b|\.netrc|\.kube\/config|\bprintenv|(?:^|[;&|(]\s{0,4})env\b)[^\n]{0,100}\|\s*(?:curl|wget|nc|ncat|base64|mail|ssh|xxd)\b|\b(?:curl|wget|scp|rsync)\b[^\n]{0,100}(?:@|=|(?<!\s-i)\s)(?:\/etc\/(?:passwd|shadow)|~?\/?[\w/.]{0,60}\.ssh\/(?![\w.-]{1,40}\.pub\b)|~?\/?[\w/.]{0,60}\.aws\/|[\w/.]{0,60}id_rsa(?!\.pub\b)|[\w/.~]{0,60}\.env\b(?!\*))|\b(?:tar|zip|cat|for\s+\w{1,10}\s+in|cp)\b[^\n]{0,100}(?:\.ssh|\.aws|\.gnupg|\/etc\/shadow|\.kube|id_rsa)[^\n]{0,100}\b(?:ssh|nc|curl|scp|dig|wget|nslookup|ftp)\b|\bcurl\b[^\n]{0,100}\$\((?:env|printenv|base64|whoami|id|cat\s[^)\n]{0,60}(?:passwd|shadow|\.ssh|\.aws|\.env\b|id_rsa))\b/i,
    weights: { path: 0.97, url: 0.95, word: 0.97, command: 0.92, code: 0.3, text: 0.45 },
  },
  {
    family: 'command-injection',
    pattern:
      /(?:\/etc\/(?:shadow|sudoers|crontab|cron\.d)|\/authorized_keys(?![\w-])|(?<!\w)\.bash(?:rc|_profile)|\/etc\/ld\.so\.preload)\b|>>?\s*\/etc\//i,
    weights: { path: 0.85, url: 0.85, word: 0.9, command: 0.7, code: 0.1, text: 0.1 },
  },
];
