/** Spells `kind name`, the last one once only: a key made anew for each call would be hashed anew for each. */
export function rateKeys(kind: string): (name: string) => string {
  let last = '';
  let key = `${kind} `;
  return (name) => {
    if (name !== last) {
      key = `${kind} ${name}`;
      last = name;
    }
    return key;
  };
}
