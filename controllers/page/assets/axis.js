// SPDX-License-Identifier: Apache-2.0

// The time axis that all rows share: it has now at a third of its length (as page.css knows). Pure functions.

const minute = 60e3, hour = 60 * minute, day = 24 * hour;

// ranges are what may be chosen: how far ahead the axis reaches, and the distance of its ticks.
export const ranges = [
  { id: '10min', ahead: 10 * minute, step: 5 * minute },
  { id: '1h', ahead: hour, step: 20 * minute },
  { id: '6h', ahead: 6 * hour, step: 2 * hour },
  { id: '2d', ahead: 2 * day, step: 12 * hour },
  { id: '7d', ahead: 7 * day, step: 2 * day },
  { id: '30d', ahead: 30 * day, step: 10 * day },
  { id: '90d', ahead: 90 * day, step: 30 * day },
  { id: '1y', ahead: 365 * day, step: 120 * day },
  { id: '5y', ahead: 5 * 365 * day, step: 2 * 365 * day },
];

// fitting is the shortest range in which three of four certificates expire.
export function fitting(certificates, now) {
  const left = certificates.map((c) => c.notAfter - now).filter((t) => t > 0).sort((a, b) => a - b);
  const most = left[Math.floor(left.length * 0.75)] ?? 90 * day;
  return ranges.find((r) => r.ahead >= most * 0.98) ?? ranges.at(-1);
}

export function axisOf(range, now) {
  const length = range.ahead * 1.5;
  const start = now - length / 3;
  return { start, length, now, range, at: (time) => (time - start) / length };
}

// ticks are [{at, offset}], offset in milliseconds from now, at least the part "apart" of the axis from each other.
export function ticks(axis, apart) {
  const found = [];
  const every = Math.ceil(apart * axis.length / axis.range.step) || 1;
  for (let k = -4 * every; k <= 6 * every; k += every) {
    const at = axis.at(axis.now + k * axis.range.step);
    if (at >= 0.02 && at <= 0.98) found.push({ at, offset: k * axis.range.step });
  }
  return found;
}

// ahead counts future renewals and expiries in each of n parts of the axis. A certificate that is renewed before does not expire.
export function ahead(certificates, axis, n) {
  const parts = Array.from({ length: n }, () => ({ renewals: 0, ends: 0 }));
  for (const c of certificates) {
    const renews = c.renewal && c.renewal > axis.now;
    const time = renews ? c.renewal : c.notAfter;
    const at = axis.at(time);
    if (!(time > axis.now) || at >= 1) continue;
    parts[Math.floor(at * n)][renews ? 'renewals' : 'ends']++;
  }
  return parts;
}
