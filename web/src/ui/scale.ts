// Round numbers for an axis, and areas stacked on each other. No DOM.
export function ticks(greatest: number, wanted = 4): number[] {
  if (!(greatest > 0)) return [0, 1];
  const rough = greatest / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10));
  const count = Math.ceil(greatest / step);
  return Array.from({ length: count + 1 }, (_, i) => i * step);
}

// For each point, from where to where each series reaches.
export function stack(series: readonly (readonly number[])[]): { from: number; to: number }[][] {
  const length = Math.max(0, ...series.map((values) => values.length));
  return Array.from({ length }, (_, at) => {
    let sum = 0;
    return series.map((values) => {
      const from = sum;
      sum += Math.max(0, values[at] ?? 0);
      return { from, to: sum };
    });
  });
}
