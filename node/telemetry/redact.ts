/** Compact JWS (tokens, credentials, delegations), private JWK members and bearer headers: what must not stand in a log, wherever it came from. */
const SECRETS = [
  /\beyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+/g,
  /(?<=\\?"d\\?"\s*:\s*\\?")[A-Za-z0-9_-]{40,}/g,
  /(?<=\bBearer\s+)[^\s"']+/gi,
  /(?<=-----BEGIN [A-Z ]*PRIVATE KEY-----)[\s\S]*?(?=-----END|$)/g,
];

export function redacted(text: string): string {
  return SECRETS.reduce((kept, secret) => kept.replace(secret, '[secret]'), text);
}
