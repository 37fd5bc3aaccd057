// SPDX-License-Identifier: Apache-2.0

// How certificates and issuers stand, by their status and the time. Everything here is a pure function; times are
// milliseconds since 1970.

const second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;

// states, the worst first.
export const states = [
  { id: 'failing', label: 'Failing', means: 'there is no valid certificate as specified' },
  { id: 'unserved', label: 'Not served', means: 'there is a valid certificate, but a gateway does not hold it or serves another' },
  { id: 'risk', label: 'At risk', means: 'valid and served, but expiring: near its end, not renewed in time, or with something in the way of that' },
  { id: 'renewing', label: 'Renewing', means: 'on its way: the first one, or its renewal' },
  { id: 'ok', label: 'OK', means: 'valid, pushed, and not known to be served otherwise' },
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
    const told = ready?.status === 'False';
    return is('failing', told ? ready.reason : 'Expired', told ? ready.message : 'the certificate has ended, and the controller has not said so: see whether it runs');
  }
  if (!ready) return is('renewing', 'New', 'no controller has looked at it yet');
  if (ready.status === 'False') return is(...unready(c, ready));
  if (ready.reason !== 'Ready') return is('risk', ready.reason, ready.message);
  const expiring = conditionOf(c, 'Expiring');
  if (expiring?.status === 'True') return is('risk', expiring.reason, expiring.message);
  if (c.renewal && now >= c.renewal + grace(c)) return is('risk', 'RenewalOverdue', 'its time to be renewed has passed, and nothing was reported: see whether the controller runs');
  if (c.renewal && now >= c.renewal) return is('renewing', 'RenewalDue', 'its time to be renewed has come');
  if (!c.renewal && c.notAfter && now >= c.notAfter - close(c)) return is('risk', 'EndsSoon', 'it is not renewed here and ends soon');
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
  if (i.ca && now >= i.ca.notAfter) return { state: 'failing', text: 'its CA has ended' };
  if (!ready) return { state: 'renewing', text: 'not looked at yet' };
  if (ready.status !== 'True') return { state: 'failing', text: `${ready.reason}: ${ready.message}` };
  const ending = conditionOf(i, 'CAExpiring');
  if (ending?.status === 'True') return { state: 'risk', text: ending.message };
  return { state: 'ok', text: 'ready' };
}

// gatewayMark tells whether a gateway holds and serves what was issued: {state, text}.
export function gatewayMark(c, g) {
  if (!c.serial) return { state: 'unknown', text: 'nothing issued' };
  if (g.servedSerial === c.serial) return { state: 'ok', text: 'served' };
  if (g.servedSerial) return { state: 'unserved', text: 'serves another' };
  if (g.pushedSerial && g.pushedSerial !== c.serial) return { state: 'unserved', text: 'holds another' };
  if (conditionOf(c, 'Served')?.status === 'False') return { state: 'unserved', text: g.pushedSerial ? 'pushed, not served' : 'not served' };
  if (g.pushedSerial) return { state: 'unknown', text: 'pushed, not proven' };
  return g.mode === 'secret' ? { state: 'unknown', text: 'carried, not proven' } : { state: 'unserved', text: 'not pushed' };
}

// span tells a length of time in its largest unit, as one says it: 45 s, 12 min, 5 h, 23 d, 3 y.
export function span(ms) {
  const t = Math.abs(ms);
  if (t < 99.5 * second) return `${Math.round(t / second)} s`;
  if (t < 99.5 * minute) return `${Math.round(t / minute)} min`;
  if (t < 47.5 * hour) return `${Math.round(t / hour)} h`;
  if (t < 730 * day) return `${Math.round(t / day)} d`;
  return `${(t / (365.25 * day)).toFixed(1)} y`;
}

// away tells a time by how far off it is.
export const away = (time, now) => (time > now ? `in ${span(time - now)}` : `${span(now - time)} ago`);
