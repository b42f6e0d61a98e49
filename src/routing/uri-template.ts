/**
 * How many literal characters of `template` (RFC 6570, any expressions) `uri` matches, or undefined when it does not match. An expression
 * stands for one or more characters. Linear in the URI: no template can be made to backtrack.
 */
export function matchTemplate(template: string, uri: string): number | undefined {
  const literals = template.split(/\{[^{}]*\}/);
  const last = literals.length - 1;
  const first = literals[0] as string;
  if (last === 0) return template === uri ? uri.length : undefined;
  if (!uri.startsWith(first)) return undefined;
  let at = first.length;
  let matched = first.length;
  for (const [index, literal] of literals.entries()) {
    if (index === 0) continue;
    // At least one character for the expression before this literal.
    const found = index === last ? uri.length - literal.length : uri.indexOf(literal, at + 1);
    if (found < at + 1 || (index === last && !uri.endsWith(literal))) return undefined;
    at = found + literal.length;
    matched += literal.length;
  }
  return matched;
}
