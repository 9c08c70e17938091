/** The value below which a share of them is, by the nearest rank; at least one value. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

/** Milliseconds as one line: how they are spread. */
export function spread(ms: readonly number[]): string {
  const at = (share: number) => Math.round(quantile(ms, share));
  return `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, at most ${at(1)} ms (${ms.length})`;
}
