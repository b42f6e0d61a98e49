import type { Hint } from './finding.ts';
import type { ParameterKind } from './parameter-kind.ts';

/** A key, not only the line before one: manuals tell of that. */
const PRIVATE_KEY =
  /-----BEGIN[ +](?:[A-Z]{2,10}[ +])?PRIVATE[ +]KEY(?:[ +]BLOCK)?-----(?:\s|\\[nr]|\+|%0[ad]){0,8}(?:(?:Proc-Type|DEK-Info|Version|Comment):[^\n]{1,80}\s{1,4}){0,3}[\w+/]{10}|\b[a-z_]\w{0,31}:\$(?:1|2[aby]|5|6|y)\$[^:\s]{20,200}:|"d"\s{0,2}:\s{0,2}"[\w-]{40,}"/;
const ACCESS_KEY =
  /(?<!(?:X-Amz-Credential|AWSAccessKeyId)=)\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_\w{36}\b|\bgithub_pat_\w{22,}|\bxox[abprs]-[\w-]{20,}|\bsk-(?:ant-|proj-)?[\w-]{32,}|\bAIza[\w-]{35}\b|\bglpat-[\w-]{20}\b|\bnpm_\w{36}\b|\b[rs]k_live_\w{20,}|\bsecret_access_key\b\s{0,3}[=:]\s{0,3}\S{30,}|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}/;
const KEY: Hint = { pattern: PRIVATE_KEY };
const TOKEN: Hint = { pattern: ACCESS_KEY };
export const SECRETS: readonly Hint[] = [KEY, TOKEN];
const PLACEHOLDER = /\b(?:gh[pousr]_|sk-|xox[abprs]-)\w{0,40}0{8}/;
const OUTWARD = new Set(
  'send post upload publish email mail notify message webhook share export forward fetch request http tweet comment reply broadcast'.split(
    ' ',
  ),
);

/** How much it looks as if a secret goes where it should not: 0 to 1. */
export function secretLeaving(
  value: string,
  {
    kind,
    tool,
    candidates,
  }: { readonly kind: ParameterKind; readonly tool: string; readonly candidates: readonly { readonly rule: Hint }[] },
): number {
  if (!candidates.some(({ rule }) => rule === KEY || rule === TOKEN)) return 0;
  const isKey = PRIVATE_KEY.test(value);
  // Eight noughts in a row stand where a manual leaves the key out.
  if (!isKey && (!ACCESS_KEY.test(value) || PLACEHOLDER.test(value))) return 0;
  if (kind === 'url') return 0.9;
  const goesOut = tool.split(/[^a-zA-Z]+|(?<=[a-z])(?=[A-Z])/).some((part) => OUTWARD.has(part.toLowerCase()));
  if (goesOut) return isKey ? 0.9 : 0.85;
  return isKey ? 0.5 : 0.35;
}
