// SPDX-License-Identifier: Apache-2.0

// The page: what is read, what is shown of it, and the keys.

import { by, h, say } from './dom.js';
import { gatewayMark, labelOf, span, standing } from './state.js';
import { axisOf, fitting, ranges } from './axis.js';
import { fromURL, index, orders, sort, test, toURL } from './query.js';
import { Store } from './store.js';
import { List } from './list.js';
import { Head } from './head.js';
import { Gateways, Issuers, States, number } from './strips.js';
import { drawDetail } from './detail.js';

const rows = new Map(); // key to {data, is, marks, text}
let ordered = []; // the same, in the order of the query
const issuers = new Map();
let query = fromURL(location.search);
let deadline = Infinity; // when the standing of some row changes by time alone
let read = false; // whether the first snapshot is there
let skew = 0;

const store = new Store({ changed, link: linked });
const list = new List({ grid: by('grid'), body: by('rows'), opened: (row, byKey) => open(row.data.key, byKey) });
const head = new Head(by('head'), (column) => sortBy(column));
const stateBar = new States(by('states'), (id) => { toggle(query.states, id); changedQuery(); });
const issuerStrip = new Issuers(by('issuers'), toggleWord);
const gatewayStrip = new Gateways(by('gateways'), toggleWord);

// ---- what changes

function changed({ all, certificates, issuers: changedIssuers, gone }) {
  const now = Date.now();
  const news = [];
  if (all) forget(new Set(certificates.map((c) => c.key)));
  for (const data of certificates) put(data, now, news);
  for (const issuer of changedIssuers) issuers.set(issuer.key, issuer);
  for (const key of gone) { rows.delete(key); issuers.delete(key); }
  if (all || gone.length) ordered = ordered.filter((row) => rows.get(row.data.key) === row);
  if (read && !all) announce(news, gone.length);
  read = true;
  draw({ keep: true });
}

// forget leaves what a new snapshot still has: an open certificate stays open, and the list where it is.
function forget(kept) {
  for (const key of rows.keys()) if (!kept.has(key)) rows.delete(key);
  issuers.clear();
  deadline = Infinity;
}

function put(data, now, news) {
  let row = rows.get(data.key);
  if (!row) {
    row = {};
    rows.set(data.key, row);
    ordered.push(row);
  }
  const was = row.is?.state;
  row.data = data;
  row.marks = (data.gateways ?? []).map((g) => ({ name: g.name, mode: g.mode, ...gatewayMark(data, g) }));
  settle(row, now);
  if (was !== row.is.state) news.push(row);
}

function settle(row, now) {
  row.is = standing(row.data, now);
  index(row);
  deadline = Math.min(deadline, row.is.until);
}

// settleAll looks at what the time has changed.
function settleAll(now) {
  deadline = Infinity;
  for (const row of rows.values()) {
    if (row.is.until <= now) settle(row, now);
    else deadline = Math.min(deadline, row.is.until);
  }
}

// ---- what is shown

let drawing = 0, drawnAt = 0;

// draw renders everything again, at most once per frame.
function draw(options) {
  drawOptions = { ...drawOptions, ...options };
  drawing ||= requestAnimationFrame(() => { drawing = 0; const o = drawOptions; drawOptions = {}; drawNow(o); });
}
let drawOptions = {};

function drawNow(options) {
  const now = drawnAt = Date.now();
  const everything = sort(ordered, query);
  const matching = everything.filter(test(query.words));
  const shown = query.states.size ? matching.filter((row) => query.states.has(row.is.state)) : matching;
  const axis = axisOf(rangeFor(everything, now), now);
  stateBar.show(countsOf(matching), query.states);
  issuerStrip.draw(issuers, everything, now, query.words);
  gatewayStrip.draw(everything, query.words);
  head.show(query, axis, shown.map((r) => r.data));
  by('grid').hidden = read && shown.length === 0;
  list.show(shown, axis, options);
  say(by('total'), total(everything));
  say(by('matches'), shown.length === everything.length ? '' : `${number(shown.length)} of ${number(everything.length)}`);
  empty(everything.length, shown.length);
  drawOpen(now);
  if (read && !document.documentElement.dataset.read) performance.mark('drawn'); // the tests measure how long that takes
  if (read) document.documentElement.dataset.read = 'true';
}

const countsOf = (some) => {
  const counts = {};
  for (const row of some) counts[row.is.state] = (counts[row.is.state] ?? 0) + 1;
  return counts;
};

let fitted = { at: -Infinity };

// rangeFor does not change its mind at every change of a certificate: the axis should keep still.
function rangeFor(everything, now) {
  const chosen = ranges.find((r) => r.id === query.axis);
  if (chosen) return chosen;
  if (now - fitted.at > 60e3 || fitted.count !== everything.length) {
    fitted = { at: now, count: everything.length, range: fitting(everything.map((r) => r.data), now) };
  }
  return fitted.range;
}

function total(everything) {
  if (!everything.length) return '';
  const namespaces = new Set(everything.map((r) => r.data.namespace)).size;
  return `${number(everything.length)} in ${number(namespaces)} namespace${namespaces === 1 ? '' : 's'}`;
}

function empty(all, shown) {
  const box = by('empty');
  box.hidden = !read || shown > 0;
  if (box.hidden) return;
  if (all) {
    box.replaceChildren(h('p', null, 'No certificate matches.'), h('button', { type: 'button', onclick: clear }, 'Show all'));
  } else {
    box.replaceChildren(h('p', null, 'There are no certificates yet.'),
      h('p', { class: 'quiet' }, 'Annotate an ApisixTls, ApisixRoute or Ingress, and its certificate appears here:'),
      h('code', { class: 'command' }, 'kubectl annotate apisixtls NAME apisix-certs.io/issuer=ISSUER'));
  }
}

function clear() {
  query = { ...query, words: '', states: new Set() };
  by('search').value = '';
  changedQuery();
  by('grid').focus();
}

// ---- the query

function changedQuery() {
  history.replaceState(null, '', location.pathname + toURL(query));
  draw({ keep: false });
}

function toggle(set, value) {
  if (!set.delete(value)) set.add(value);
}

function toggleWord(word) {
  const words = query.words.split(/\s+/).filter(Boolean);
  const rest = words.filter((w) => w.toLowerCase() !== word.toLowerCase());
  query.words = (rest.length < words.length ? rest : [...rest, word]).join(' ');
  by('search').value = query.words;
  changedQuery();
}

function sortBy(column) {
  query.down = query.sort === column ? !query.down : false;
  query.sort = column in orders ? column : 'state';
  changedQuery();
}

// ---- one certificate

function open(key, focus) {
  query.open = key.replace(/^certificate\//, '');
  history.replaceState(null, '', location.pathname + toURL(query));
  by('detail').hidden = false;
  shownDetail = '';
  drawOpen(Date.now());
  by('detail').scrollTop = 0;
  list.measure();
  if (list.active >= 0) list.go(list.active);
  if (focus) by('detail').focus({ preventScroll: true });
}

function close() {
  query.open = '';
  history.replaceState(null, '', location.pathname + toURL(query));
  by('detail').hidden = true;
  by('grid').focus({ preventScroll: true });
}

let shownDetail = '';

// drawOpen draws the open certificate again when it, its issuer or a time in it has changed.
function drawOpen(now) {
  const row = rows.get(`certificate/${query.open}`);
  const element = by('detail');
  if (!query.open || !row) {
    if (read) element.hidden = true;
    return;
  }
  const issuer = issuers.get(row.data.issuer);
  const key = JSON.stringify([row.data, row.is.state, issuer, Math.floor(now / paceOf(row.data, now))]);
  if (key === shownDetail && !element.hidden) return;
  shownDetail = key;
  element.hidden = false;
  const held = element.contains(document.activeElement) && document.activeElement !== element;
  drawDetail(element, row, issuer, now, close);
  if (held) element.querySelector('button').focus();
}

// paceOf is how often the words of an open certificate are redrawn.
const paceOf = (c, now) => (c.notAfter && Math.abs(c.notAfter - now) < 36e5 ? 1000 : 60000);

// ---- the time

setInterval(() => {
  const now = Date.now();
  if (!read || document.hidden) return;
  const due = now >= deadline;
  if (due) settleAll(now);
  if (due || now - drawnAt > 20e3 || now - drawnAt > list.axis.length / 4000) draw({ keep: true });
  else list.tick(axisOf(list.axis.range, now)); // the words in the rows that are seen
  drawOpen(now);
  linkShown();
}, 1000);

const unseen = 10e3; // how long a page is hidden until it rests
let resting = 0;
function restUnseen() {
  clearTimeout(resting);
  if (document.hidden) resting = setTimeout(() => store.rest(), unseen);
}
document.addEventListener('visibilitychange', () => {
  restUnseen();
  if (document.hidden) return;
  store.wake();
  if (read) { settleAll(Date.now()); draw({ keep: true }); }
});

// ---- the connection

let link = { state: 'connecting', at: 0 };

function linked(state, now, problem) {
  if (state === 'live') { link = { state, at: Date.now() }; skew = now ? Date.now() - now : skew; }
  else link = { ...link, state };
  linkShown();
  const notice = by('notice');
  const text = problem ? `Cannot read the certificates: ${problem}. Trying again.`
    : Math.abs(skew) > 90e3 ? `The clock here is ${span(skew)} ${skew > 0 ? 'ahead of' : 'behind'} the controller's: times and states may be wrong.` : '';
  say(notice, text);
  notice.hidden = !text;
}

function linkShown() {
  by('link').dataset.link = link.state;
  const since = link.at ? `, last heard ${span(Date.now() - link.at)} ago` : '';
  say(by('link-text'), link.state === 'live' ? 'live' : link.state === 'lost' ? `not connected${since}` : link.state);
}

let unsaid = [], speaking = 0;

// announce announces changes to screen readers, at most every three seconds.
function announce(news, gone) {
  unsaid.push(...news.map((row) => `${row.data.hosts?.[0] ?? row.data.name} is ${labelOf[row.is.state]}`));
  if (gone) unsaid.push(`${gone} removed`);
  if (!unsaid.length) return;
  speaking ||= setTimeout(() => {
    const more = unsaid.length - 3;
    say(by('said'), unsaid.slice(0, 3).join(', ') + (more > 0 ? `, and ${more} more` : ''));
    unsaid = [];
    speaking = 0;
  }, 3000);
}

// ---- keys and controls

const typing = (element) => element.matches('input, select, textarea');

addEventListener('keydown', (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || by('help').open) return;
  if (e.key === 'Escape') return escape();
  if (typing(e.target)) { if (e.key === 'Enter' || (e.key === 'ArrowDown' && e.target === by('search'))) { by('grid').focus(); e.preventDefault(); } return; }
  if (e.key === '/') { by('search').focus(); by('search').select(); return e.preventDefault(); }
  if (e.key === '?') { by('help').showModal(); return e.preventDefault(); }
  const inList = e.target === by('grid') || e.target === document.body;
  if (!inList && !((e.key === 'j' || e.key === 'k') && !e.target.matches('a'))) return;
  if (!list.key(e.key)) return;
  e.preventDefault();
  if (e.key === 'Enter') return;
  if (!by('detail').hidden && list.active >= 0) open(list.rows[list.active].data.key, false);
  by('grid').focus({ preventScroll: true });
});

function escape() {
  if (!by('detail').hidden) close();
  else if (query.words) { query.words = by('search').value = ''; changedQuery(); } else by('grid').focus();
}

by('search').value = query.words;
by('search').addEventListener('input', (e) => { query.words = e.target.value; changedQuery(); });
by('axis').append(h('option', { value: 'auto' }, 'automatic'), ...ranges.map((r) => h('option', { value: r.id }, span(r.ahead))));
by('axis').value = query.axis;
by('axis').addEventListener('change', (e) => { query.axis = e.target.value; changedQuery(); });
by('keys').addEventListener('click', () => by('help').showModal());
addEventListener('popstate', () => { query = fromURL(location.search); by('search').value = query.words; draw({ keep: false }); });

const themes = ['system', 'light', 'dark'];
function showTheme() {
  const theme = document.documentElement.dataset.theme ?? 'system';
  say(by('theme'), `Theme: ${theme}`);
}
by('theme').addEventListener('click', () => {
  const root = document.documentElement.dataset;
  const next = themes[(themes.indexOf(root.theme ?? 'system') + 1) % themes.length];
  if (next === 'system') delete root.theme;
  else root.theme = next;
  try { localStorage.setItem('theme', next); } catch { /* it is not remembered then */ }
  showTheme();
});

showTheme();
if (query.open) by('detail').hidden = true;
store.start();
restUnseen(); // it may have been opened in a tab behind
