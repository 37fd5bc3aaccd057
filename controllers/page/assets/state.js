// SPDX-License-Identifier: Apache-2.0

// The state of certificates and issuers, derived from their status and the time. Everything here is a pure function; times are
// milliseconds since 1970.

const second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;

// states, the worst first.
export const states = [
  { id: 'failing', label: 'Failing', means: 'no valid certificate that matches the spec' },
  { id: 'unserved', label: 'Not served', means: 'valid certificate, but a gateway does not have it or serves another one' },
  { id: 'risk', label: 'At risk', means: 'valid and served, but it expires soon, is not renewed in time, or its renewal is blocked' },
  { id: 'renewing', label: 'Renewing', means: 'the first certificate, or its renewal, is in progress' },
  { id: 'ok', label: 'OK', means: 'valid and pushed to all gateways' },
];
export const severity = Object.fromEntries(states.map((s, i) => [s.id, i]));
export const labelOf = Object.fromEntries(states.map((s) => [s.id, s.label]));

export const conditionOf = (object, type) => object.conditions?.find((c) => c.type === type);

// parse turns the times of an object into numbers, once.
export function parse(object) {
  for (const name of ['notBefore', 'notAfter', 'renewal', 'lastFailure']) {
    if (object[name]) object[name] = Date.parse(object[name]);
  }
  if (object.ca) object.ca = { ...object.ca, notAfter: Date.parse(object.ca.notAfter), since: Date.parse(object.ca.since) };
  for (const condition of object.conditions ?? []) condition.since = Date.parse(condition.since);
  return object;
}

// standing is {state, reason, message, until}: until is when another would hold by time alone, Infinity for never.
export function standing(c, now) {
  const ready = conditionOf(c, 'Ready');
  const until = deadlines(c).find((t) => t > now) ?? Infinity;
  const is = (state, reason = '', message = '') => ({ state, reason, message, until });
  if (c.notAfter && now >= c.notAfter) {
    const reported = ready?.status === 'False';
    return is('failing', reported ? ready.reason : 'Expired', reported ? ready.message : 'the certificate has expired, and the controller has not reported it: check whether it is running');
  }
  if (!ready) return is('renewing', 'New', 'no controller has processed it yet');
  if (ready.status === 'False') return is(...unready(c, ready));
  if (ready.reason !== 'Ready') return is('risk', ready.reason, ready.message);
  const expiring = conditionOf(c, 'Expiring');
  if (expiring?.status === 'True') return is('risk', expiring.reason, expiring.message);
  if (c.renewal && now >= c.renewal + grace(c)) return is('risk', 'RenewalOverdue', 'the renewal is overdue, and nothing was reported: check whether the controller is running');
  if (c.renewal && now >= c.renewal) return is('renewing', 'RenewalDue', 'the renewal is due');
  if (!c.renewal && c.notAfter && now >= c.notAfter - close(c)) return is('risk', 'EndsSoon', 'it is not renewed by the controller and expires soon');
  return is('ok');
}

function unready(c, ready) {
  const issued = conditionOf(c, 'Issued');
  if (issued?.status === 'True') return ['unserved', ready.reason, ready.message];
  if (issued?.reason === 'Issuing') return ['renewing', ready.reason, ready.message];
  return ['failing', ready.reason, ready.message];
}

const life = (c) => c.notAfter - (c.notBefore ?? c.notAfter);

// grace is how long a renewal may take before it is called overdue.
const grace = (c) => Math.max(2 * minute, life(c) / 20);

const close = (c) => Math.min(30 * day, life(c) / 3);

function deadlines(c) {
  if (!c.notAfter) return [];
  return (c.renewal ? [c.renewal, c.renewal + grace(c), c.notAfter] : [c.notAfter - close(c), c.notAfter]).sort((a, b) => a - b);
}

// issuerStanding is {state, text}.
export function issuerStanding(i, now) {
  const ready = conditionOf(i, 'Ready');
  if (i.ca && now >= i.ca.notAfter) return { state: 'failing', text: 'its CA has expired' };
  if (!ready) return { state: 'renewing', text: 'not checked yet' };
  if (ready.status !== 'True') return { state: 'failing', text: `${ready.reason}: ${ready.message}` };
  const ending = conditionOf(i, 'CAExpiring');
  if (ending?.status === 'True') return { state: 'risk', text: ending.message };
  return { state: 'ok', text: 'ready' };
}

// gatewayMark returns whether a gateway has and serves the issued certificate: {state, text}.
export function gatewayMark(c, g) {
  if (!c.serial) return { state: 'unknown', text: 'nothing issued' };
  if (g.servedSerial === c.serial) return { state: 'ok', text: 'served' };
  if (g.servedSerial) return { state: 'unserved', text: 'serves another certificate' };
  if (g.pushedSerial && g.pushedSerial !== c.serial) return { state: 'unserved', text: 'has another certificate' };
  if (conditionOf(c, 'Served')?.status === 'False') return { state: 'unserved', text: g.pushedSerial ? 'pushed, not served' : 'not served' };
  if (g.pushedSerial) return { state: 'unknown', text: 'pushed, not verified' };
  return g.mode === 'secret' ? { state: 'unknown', text: 'synced, not verified' } : { state: 'unserved', text: 'not pushed' };
}

// span formats a duration in its largest unit: 45 s, 12 min, 5 h, 23 d, 3 y.
export function span(ms) {
  const t = Math.abs(ms);
  if (t < 99.5 * second) return `${Math.round(t / second)} s`;
  if (t < 99.5 * minute) return `${Math.round(t / minute)} min`;
  if (t < 47.5 * hour) return `${Math.round(t / hour)} h`;
  if (t < 730 * day) return `${Math.round(t / day)} d`;
  return `${(t / (365.25 * day)).toFixed(1)} y`;
}

// away formats a time relative to now.
export const away = (time, now) => (time > now ? `in ${span(time - now)}` : `${span(now - time)} ago`);
