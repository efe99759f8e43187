/** Numbers as people read them. */

/** Three digits that count: 0.0123, 1.23, 123; two and an exponent for what is smaller or large. */
export function figure(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 0.01 || size >= 1e6) return value.toExponential(1).replace('e+', 'e');
  if (size >= 1000) return Math.round(value).toLocaleString('en-US');
  return value.toPrecision(3);
}

export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const exponent = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  const scaled = value / 1000 ** exponent;
  return `${scaled >= 100 || exponent === 0 ? scaled.toFixed(0) : scaled.toPrecision(2)} ${units[exponent]}`;
}

/** 8 s, 4 m 12 s, 2 h 5 m. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds < 1 ? seconds.toFixed(2) : seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} m`;
}

export function dollars(amount: number): string {
  return amount >= 1 ? `$${amount.toFixed(2)}` : `$${Number(amount.toPrecision(2))}`;
}

/** How long ago, from a Unix time in seconds. */
export function ago(at: number, nowMs: number = Date.now()): string {
  const seconds = Math.max(0, nowMs / 1000 - at);
  if (seconds < 60) return 'just now';
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return new Date(at * 1000).toLocaleDateString(undefined, { dateStyle: 'medium' });
}

export function clockTime(at: number): string {
  return new Date(at * 1000).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
}

export function percent(share: number, digits: number = 0): string {
  return `${(share * 100).toFixed(digits)} %`;
}
