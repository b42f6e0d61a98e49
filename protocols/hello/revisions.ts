type Revisions = Readonly<Record<string, readonly number[]>>;

/** A protocol that two nodes both know, and of which they share no revision. */
export interface RevisionGap {
  readonly protocol: string;
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
}

/** Spec hello/R10: what two nodes cannot say to each other though both have a word for it. */
export function revisionGaps(ours: Revisions, theirs: Revisions): RevisionGap[] {
  return Object.entries(ours).flatMap(([protocol, own]) => {
    const other = Object.hasOwn(theirs, protocol) ? theirs[protocol] : undefined;
    if (other === undefined || other.some((revision) => own.includes(revision))) return [];
    return [{ protocol, ours: own, theirs: other }];
  });
}
