/**
 * At most `most` of `items`, of each node as many as of any other as long as it has so many: what one has too much of pushes out its own.
 * Of one node the first stay; the order is kept.
 */
export function fairShare<Item extends { readonly nodeId: string }>(items: readonly Item[], most: number): Item[] {
  if (items.length <= most) return [...items];
  const perNode = [...Map.groupBy(items, ({ nodeId }) => nodeId).values()];
  const kept = new Set<Item>();
  for (let turn = 0; kept.size < most; turn += 1) {
    for (const own of perNode) {
      const item = own[turn];
      if (item !== undefined && kept.size < most) kept.add(item);
    }
  }
  return items.filter((item) => kept.has(item));
}
