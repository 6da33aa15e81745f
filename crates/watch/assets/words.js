// Figures as people read them.

const integers = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

export const count = (n) => integers.format(n);

export const plural = (n, noun) => `${count(n)} ${noun}${n === 1 ? '' : 's'}`;

/** Three digits are enough, and no figure jumps between one and four of them. */
export function short(n) {
  if (n === 0) return '0';
  if (n < 10) return n.toFixed(2);
  if (n < 100) return n.toFixed(1);
  return count(n);
}

export function bytes(n) {
  for (const [unit, size] of [['TB', 1e12], ['GB', 1e9], ['MB', 1e6], ['kB', 1e3]]) {
    if (n >= size) return `${short(n / size)} ${unit}`;
  }
  return `${count(n)} B`;
}

export const mebibytes = (n) => `${count(n / 1048576)} MiB`;

/** Two units at most: "3 d 4 h", "2 min 5 s". */
export function seconds(n) {
  if (n < 1) return `${Math.round(n * 1000)} ms`;
  if (n < 10) return `${n.toFixed(1)} s`;
  const units = [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]];
  const at = units.findIndex(([, size]) => n >= size);
  const [unit, size] = units[at];
  const [smaller, small] = units[at + 1] ?? [];
  const rest = smaller ? Math.floor((n % size) / small) : 0;
  const text = `${Math.floor(n / size)} ${unit}`;
  return rest ? `${text} ${rest} ${smaller}` : text;
}

export const milliseconds = (n) => (n === null ? '–' : `${n < 10 ? n.toFixed(1) : count(n)} ms`);
