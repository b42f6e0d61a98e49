import { COMMAND_SHAPES, HIDDEN, NAMES_A_COMMAND } from './command-secrets.ts';

/** What is a secret by its shape, or by what stands before it, in any text. Each is linear in what it reads. */
const SECRET_SHAPES = [
  /-----BEGIN [A-Z ]{0,32}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z ]{0,32}PRIVATE KEY(?: BLOCK)?-----|$)/g,
  /\beyJ[\w-]{4,}\.[\w-]+\.[\w-]*/g,
  /(?<=\b(?:Bearer|Basic)\s{1,4})[\w.~+/=-]{8,}/gi,
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bxox[abeoprs]-[\w-]{10,}|\bsk-[\w-]{20,}|\bsk_live_\w{16,}|\bAIza[\w-]{30,}|\bglpat-[\w-]{20,}|\bnpm_\w{30,}|\bhf_\w{30,}/g,
  // A password may hold `@`; before a path, the last one ends it.
  /(?<=[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@]{0,64}:)[^\s/"'<>]{1,256}(?=@)/gi,
  // Of a database it may hold `/` too: what follows a host is a port.
  /(?<=\b(?:postgres|mysql|mariadb|mongodb|redis|amqp|mssql|sqlserver|clickhouse|cockroachdb|oracle)[\w+.-]{0,20}:\/\/[^\s/:@]{0,64}:)(?!\d{1,5}[/?,])[^\s"'<>@]{1,256}(?=@)/gi,
  /(?<=\bjdbc:oracle:\w{2,6}:[^\s/@]{1,64}\/)[^\s@]{1,128}(?=@)/gi,
  // A token in the place of a user.
  /(?<=\bhttps?:\/\/)(?=[\w-]{0,19}\d)[\w-]{20,256}(?=@)/gi,
  /(?<=(?:(?<![a-z])(?:pass|pwd)|sshpass|pass(?:word|wd|phrase)|secret|token|(?:api|access|account|private|signing)[-_]?key)\\{0,4}["']?\s{0,4}[=:]\s{0,4}\\{0,4}["']?)[^\s"'&,;\\]{4,}/gi,
  /(?<=(?:^|[\s/:])_auth\s{0,4}=\s{0,4}["']?)[^\s"']{4,}/gi,
  /(?<=[?&](?:key|sig|signature)=|\bx-amz-(?:signature|security-token)=)[^\s"'&]{8,}/gi,
  /(?<=\s--?(?:[a-z]{1,16}-){0,3}(?:(?:\w{0,10}store|key)?pass(?:word|wd|phrase)?|pwd|secret|token|key)\s{1,4}["']?)[^\s"'-][^\s"']{3,}/gi,
  /(?<=\bauthorization["']?:\s{0,4}["']?(?:[\w-]{1,16}\s{1,4})?)[^\s"',;]{8,}/gi,
  /(?<=\bcookie["']?:\s{0,4}["']?)[^\n"'[]{4,}/gi,
  /(?<=<(?:[\w-]{1,20}:)?[\w-]{0,20}(?:password|passwd|secret|api-?key|access-?token)(?:\s[^<>]{0,80})?>\s{0,8})[^<>\s][^<>]{0,256}(?=<\/)/gi,
  /(?<=\b(?:identified\s{1,4}(?:with\s{1,4}\S{1,40}\s{1,4})?by\s{1,4}|(?:with|encrypted)\s{1,4}password\s{1,4}|\bpassword\s{0,2}\(\s{0,2})')[^'\n]{1,256}/gi,
  /(?<=\b(?:requirepass|masterauth)\s{1,4}["']?)[^\s"']{1,256}/g,
  /(?<=\bbot\d{6,12}:)[\w-]{30,}/g,
  /(?<=\bhooks\.slack\.com\/services\/)[\w/]{12,}|(?<=\bdiscord(?:app)?\.com\/api\/webhooks\/\d{10,20}\/)[\w-]{20,}/g,
];

/** The text with each secret that it gives away replaced, and nothing else. */
export function withoutSecrets(text: string): string {
  const clean = SECRET_SHAPES.reduce((kept, shape) => kept.replace(shape, HIDDEN), text);
  if (!NAMES_A_COMMAND.test(clean)) return clean;
  return COMMAND_SHAPES.reduce((kept, shape) => kept.replace(shape, HIDDEN), clean);
}
