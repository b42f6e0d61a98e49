import type { Signature } from './finding.ts';

const PLACES = { path: 0.95, url: 0.95, word: 0.95, command: 0.2, code: 0, text: 0.15 };

/** Paths that leave where they should stay, addresses that lead inside. */
export const PLACES_OUT_OF_BOUNDS: readonly Signature[] = [
  {
    family: 'path-traversal',
    // Three steps up are honest in a large source tree; where they end is looked at below.
    pattern: /(?:\.\.[\\/]){3}/,
    weights: { path: 0.55, url: 0.85, word: 0.9, command: 0.1, code: 0, text: 0.1 },
  },
  {
    family: 'path-traversal',
    pattern:
      /(?:\.\.[\\/]){5}(?!(?:\.\.[\\/]){0,8}(?:node_modules|packages|src)[\\/](?!.{0,200}\.\.))|(?:\.\.[\\/]){2,8}(?:etc|proc|root|var|home|usr|boot|sys|dev|windows|winnt|users|private|tmp|opt)[\\/]/i,
    weights: { path: 0.92, url: 0.95, word: 0.95, command: 0.3, code: 0, text: 0.1 },
  },
  {
    family: 'path-traversal',
    pattern:
      /%(?:c0%[0-9a-f]{2}|c1%[0-9a-f]{2}|e0%80|f0%80|f8%80|fc%80)|%u(?:2215|2216|ff0e|efc8)|(?:0x2e){2}|%2e(?:%2e|\.)|\.%2e|\.\.(?:%2f|%5c|%c0%af|%25|%u2215|\\\/|;\/)|%252e|%c0%ae|\.{4}[\\/]{2}|\.\.[\\/]\.?\\/i,
    weights: PLACES,
  },
  { family: 'path-traversal', pattern: /\0|%00/, weights: { ...PLACES, text: 0.3 } },
  {
    family: 'path-traversal',
    pattern:
      /(?:^|[\\/:=])(?:etc[\\/](?:(?:passwd|shadow|sudoers|master\.passwd)(?![\w-])|ssh[\\/])|proc[\\/](?:self|\d{1,7}|version|cmdline)(?:[\\/]|$)|\.ssh[\\/](?![\w.-]{1,40}\.pub$)|\.aws[\\/]cred|\.git[\\/]config|\.kube[\\/]config|\.docker[\\/]config|\.gnupg[\\/]|\.netrc$|\.pgpass$|\.npmrc$|\.bash_history$|windows[\\/](?:system32|win\.ini|repair)|boot\.ini|web-inf[\\/]|wp-config\.php|var[\\/]run[\\/]docker\.sock|run[\\/]secrets[\\/]|var[\\/]log[\\/]auth\.log)|^\/(?:etc|usr|root|boot|proc|sys|var)\/[^\n]{0,120}\.\.\/|\bid_(?:rsa|dsa|ecdsa|ed25519)$/i,
    weights: { path: 0.88, url: 0.88, word: 0.9, command: 0.35, code: 0, text: 0.1 },
  },
  {
    family: 'path-traversal',
    pattern:
      /(?:^|[\\/])\.env(?:\.\w{1,20})?$|(?:^|[\\/])(?:secrets?|credentials)\.(?:json|ya?ml|env|txt)$|\.(?:pem|p12|pfx|keystore|kdbx)$/i,
    weights: { path: 0.45, url: 0.5, word: 0.4, command: 0.1, code: 0, text: 0 },
  },
  {
    family: 'path-traversal',
    pattern: /^\\\\[\w.]{1,80}[\\/]|^\\\\[?.]\\|::\$DATA/i,
    weights: { ...PLACES, path: 0.85, text: 0 },
  },

  {
    family: 'request-forgery',
    pattern:
      /\b169\.254\.(?:169\.254|170\.2)\b|\bmetadata(?:\.google)?\.internal\b|fd00:ec2::254|\b100\.100\.100\.200\b|\b192\.0\.0\.192\b|latest\/meta-data|computeMetadata\/v1|\b0xa9fea9fe\b|\b2852039166\b|\b169\.254\.43518\b|\binstance-data\b/i,
    weights: { path: 0, url: 0, word: 0, command: 0.85, code: 0.1, text: 0.35 },
  },
  {
    family: 'request-forgery',
    // Where a request would go: the host of an address, also of one inside another, or the whole value. Pages that tell of it have it in their path.
    pattern:
      /(?:^\s{0,4}|[@,;|\n]|:[\s\\/]{0,6}|[\\/]\s{0,4}[\\/]\s{0,4})\[?(?:::ffff:)?(?:169\.254\.(?:169\.254|170\.2)|metadata(?:\.google)?\.internal|fd00:ec2::254|100\.100\.100\.200|192\.0\.0\.192|0xa9fea9fe|2852039166|169\.254\.43518|a9fe:a9fe|instance-data)(?![\w-])|(?:[\\/]{2}[^\\/?#\s]{1,80}|^\s{0,4})\/?(?:latest\/meta-data|computeMetadata\/v1)/i,
    weights: { path: 0.9, url: 0.97, word: 0.95, command: 0, code: 0, text: 0 },
  },
  {
    family: 'request-forgery',
    pattern:
      /^\s{0,4}(?:url:)?(?:gopher|dict|ldaps?|rmi|iiop|corbaname|tftp|jar|netdoc|phar|expect|php|sftp|smb|ogg|zip|glob|vbscript|view-source):/i,
    weights: { path: 0.92, url: 0.92, word: 0.92, command: 0, code: 0, text: 0.4 },
  },
  {
    family: 'request-forgery',
    // The loopback address spelled so that a filter does not see it.
    pattern:
      /:\/\/(?:[^/@\s]{0,80}@)?(?:0x[0-9a-f]{6,8}|(?:0x[0-9a-f]{1,2}\.){3}0x[0-9a-f]{1,2}|0[0-7]{2,4}\.[0-9.]{1,20}|\d{8,10}|127\.\d{1,3}(?:\.\d{1,3})?(?=[:/]|$)|0(?=[:/]|$)|0\.0\.0\.0|\[::(?:ffff:)?(?:127\.0\.0\.1|7f00:1)\]|\[::\]|localtest\.me|(?:[\w-]{1,60}\.){1,6}(?:nip\.io|xip\.io|sslip\.io|lvh\.me))(?=[:/?#]|$)/i,
    weights: { path: 0.9, url: 0.92, word: 0.9, command: 0.3, code: 0, text: 0.3 },
  },
  {
    family: 'request-forgery',
    pattern:
      /:\/\/(?:[^/@\s]{0,80}@)?(?:localhost|127\.0\.0\.1|\[::1\])(?::(?:22|25|2375|2376|3306|5432|6379|9200|11211|27017|10250|8500|2379|4194|6443))\b/i,
    weights: { path: 0.85, url: 0.88, word: 0.85, command: 0.1, code: 0, text: 0.1 },
  },
  {
    family: 'request-forgery',
    // Addresses of the machine itself and of private networks: honest on a workbench.
    pattern:
      /:\/\/(?:[^/@\s]{0,80}@)?(?:localhost|127\.0\.0\.1|\[::1\]|10\.\d{1,3}\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)/i,
    weights: { path: 0.3, url: 0.3, word: 0.3, command: 0, code: 0, text: 0 },
  },
  {
    family: 'request-forgery',
    pattern: /^\s{0,4}(?:url:)?file:/i,
    weights: { path: 0.3, url: 0.7, word: 0.6, command: 0, code: 0, text: 0.1 },
  },
  {
    family: 'request-forgery',
    // `https://trusted.example@evil.example`, `https://trusted.example\@evil.example`
    pattern:
      /^https?:\/\/(?:localhost|[\w-]{1,60}\.[\w.-]{1,60})(?::[\w.-]{0,40})?[\\#]?@[\w.-]{3,80}|^https?:\/\/[^/\s]{0,80}\\\S/i,
    weights: { path: 0.5, url: 0.85, word: 0.6, command: 0, code: 0, text: 0 },
  },
];

/** Markup that runs where it is shown, and entities that fetch. */
export const MARKUP: readonly Signature[] = [
  {
    family: 'cross-site-scripting',
    pattern:
      /<\s{0,4}\/?\s{0,4}script\b|<\s{0,4}(?:img|svg|body|iframe|video|audio|details|input|object|embed|marquee|math|a|div|button|select|form|style|link|meta|base|textarea|keygen|isindex|animate|set)\b[^<>]{0,200}(?:\bon[a-z]{3,24}\s{0,4}=|\bsrcdoc\s{0,4}=|javascript\s{0,4}:)|<\s{0,4}(?:iframe|object|embed)\b|\bjavascript\s{0,4}:\s{0,4}[^\s]|\bdata\s{0,2}:\s{0,2}text\/html|["'\s]on(?:error|load|click|mouseover|focus|toggle|pointer\w{1,8}|begin|animation\w{1,8})\s{0,4}=\s{0,4}["'`\w]/i,
    weights: { path: 0.92, url: 0.92, word: 0.92, command: 0, code: 0, text: 0.2 },
  },
  {
    family: 'external-entity',
    pattern:
      /<!(?:ENTITY|DOCTYPE)\b[^>]{0,200}\b(?:SYSTEM|PUBLIC)\s{1,8}["'](?:file|https?|ftp|php|expect|gopher|netdoc|jar|\/|\.\.(?![\w./-]{1,80}\.dtd["']))|<!ENTITY\s{1,8}%\s|<xi:include\b[^>]{0,120}\bhref\s*=\s*["'](?:file|\/(?:etc|proc|root|home|var|dev)\b)|<!ENTITY\s{1,8}\w{1,20}\s{1,8}["'](?:&\w{1,20};){4}/i,
    weights: { path: 0.95, url: 0.95, word: 0.95, command: 0.3, code: 0.82, text: 0.82 },
  },
];
