// SPDX-License-Identifier: Apache-2.0

// What is shown and in which order: from and to the URL, and applied to the rows. Pure functions.

import { severity, states } from './state.js';

export const start = () => ({ words: '', states: new Set(), sort: 'state', down: false, axis: 'auto', open: '' });

export const fromURL = (search) => {
  const q = start();
  const given = new URLSearchParams(search);
  q.words = given.get('q') ?? '';
  q.states = new Set((given.get('state') ?? '').split(',').filter((id) => states.some((s) => s.id === id)));
  const sort = given.get('sort') ?? q.sort;
  q.down = sort.startsWith('-');
  q.sort = Object.hasOwn(orders, sort.replace(/^-/, '')) ? sort.replace(/^-/, '') : 'state';
  q.axis = given.get('axis') ?? q.axis;
  q.open = given.get('open') ?? '';
  return q;
};

export const toURL = (q) => {
  const given = new URLSearchParams();
  if (q.words) given.set('q', q.words);
  if (q.states.size) given.set('state', [...q.states].join(','));
  if (q.sort !== 'state' || q.down) given.set('sort', (q.down ? '-' : '') + q.sort);
  if (q.axis !== 'auto') given.set('axis', q.axis);
  if (q.open) given.set('open', q.open);
  const text = given.toString();
  return text ? `?${text}` : '';
};

// issuerName is KIND/NAME or KIND/NAMESPACE/NAME, of an issuer's key.
export const issuerName = (key) => (key ?? '').replace(/^issuer\//, '').replace('//', '/');

// index is what a search looks at, in small letters. It is updated when the row or its state changes.
export function index(row) {
  const c = row.data;
  row.text = [c.hosts?.join(' '), `${c.namespace}/${c.name}`, issuerName(c.issuer), c.source, row.is.reason, c.serial]
    .join('\n').toLowerCase();
}

const fields = {
  issuer: (c, value) => { const name = issuerName(c.issuer).toLowerCase(); return value.includes('/') ? name === value : name.includes(value); },
  gateway: (c, value) => (c.gateways ?? []).some((g) => g.name.toLowerCase() === value),
  namespace: (c, value) => c.namespace === value,
};

// test returns a function that reports whether a row contains all words, whatever its state.
export function test(words) {
  const tests = words.toLowerCase().split(/\s+/).filter(Boolean).map((word) => {
    const [, field, value] = word.match(/^(issuer|gateway|namespace):(.+)$/) ?? [];
    return field ? (row) => fields[field](row.data, value) : (row) => row.text.includes(word);
  });
  return (row) => tests.every((t) => t(row));
}

const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const late = (time) => time ?? Infinity; // what has no time comes last
const name = (row) => row.data.key;
const bad = (row) => row.marks.filter((m) => m.state !== 'ok').length;

export const orders = {
  state: (a, b) => severity[a.is.state] - severity[b.is.state] || compare(late(a.data.notAfter), late(b.data.notAfter)),
  host: (a, b) => compare(a.data.hosts?.[0] ?? '', b.data.hosts?.[0] ?? ''),
  issuer: (a, b) => compare(issuerName(a.data.issuer), issuerName(b.data.issuer)),
  life: (a, b) => compare(late(a.data.notBefore), late(b.data.notBefore)),
  expires: (a, b) => compare(late(a.data.notAfter), late(b.data.notAfter)),
  gateways: (a, b) => bad(b) - bad(a),
  reason: (a, b) => compare(a.is.reason || '\uffff', b.is.reason || '\uffff'),
};

// sort puts rows into the order of q, in place: those that are in order already cost little.
export function sort(rows, q) {
  const order = orders[q.sort];
  const sign = q.down ? -1 : 1;
  return rows.sort((a, b) => sign * order(a, b) || compare(name(a), name(b)));
}
