// SPDX-License-Identifier: Apache-2.0

// The list: as many elements as fit on the screen, moved and refilled as the page scrolls.

import { h, icon, redraw, say } from './dom.js';
import { away, labelOf } from './state.js';
import { issuerName } from './query.js';

const beyond = 6; // rows drawn above and below what is seen

export class List {
  // opened(row, byKey) is called when a row is opened.
  constructor({ grid, body, opened }) {
    Object.assign(this, { grid, body, opened });
    this.rows = [];
    this.pool = [];
    this.active = -1;
    this.height = 0;
    addEventListener('scroll', () => this.soon(), { passive: true });
    new ResizeObserver(() => this.measure()).observe(grid);
    body.addEventListener('click', (e) => {
      const line = e.target.closest('.row');
      if (!line || getSelection().toString()) return;
      this.go(Number(line.dataset.index));
      this.opened(this.rows[this.active], false);
    });
    grid.addEventListener('focus', () => { if (this.active < 0 && this.rows.length) this.go(this.first()); });
  }

  // show takes the rows in order and the time axis. What is at the top of the screen stays there, unless the order is new.
  show(rows, axis, { keep = true } = {}) {
    const anchor = keep ? this.anchor() : null;
    const active = this.rows[this.active];
    this.rows = rows;
    this.axis = axis;
    this.active = active ? rows.indexOf(active) : -1;
    this.grid.setAttribute('aria-rowcount', rows.length + 1);
    this.fit();
    if (anchor) this.restore(anchor);
    this.draw(true);
  }

  // tick moves the time on.
  tick(axis) {
    this.axis = axis;
    this.draw(true);
  }

  // measure reads from the style sheet the height of a row, which depends on the width and on the size of the text.
  measure() {
    if (this.fit()) this.draw(true);
  }

  // fit returns whether the height of rows has changed.
  fit() {
    const line = this.pool[0] ?? this.line();
    const height = parseFloat(getComputedStyle(line.element).height); // also available for a hidden one
    const changed = height > 0 && height !== this.height;
    this.height = height || this.height;
    this.body.style.height = `${this.rows.length * this.height}px`;
    return changed;
  }

  line() {
    const line = newLine();
    line.element.hidden = false;
    this.body.append(line.element);
    this.pool.push(line);
    return line;
  }

  anchor() {
    const i = this.first();
    if (i <= 0 || !this.height) return null;
    return { row: this.rows[i], offset: this.body.getBoundingClientRect().top + i * this.height };
  }

  restore({ row, offset }) {
    const i = this.rows.indexOf(row);
    if (i < 0) return;
    const moved = this.body.getBoundingClientRect().top + i * this.height - offset;
    if (Math.abs(moved) > 1) scrollBy({ top: moved, behavior: 'instant' });
  }

  // first is the index of the first row that is seen.
  first() {
    if (!this.height) return 0;
    const top = -this.body.getBoundingClientRect().top + this.covered();
    return Math.max(0, Math.min(this.rows.length - 1, Math.ceil(top / this.height)));
  }

  // covered is how much of the screen's top the bar above the list takes.
  covered() { return Math.max(0, this.grid.firstElementChild.getBoundingClientRect().bottom); }

  soon() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.draw(false); });
  }

  // draw fills the elements with the rows that are seen; those that have theirs already only if all is true.
  draw(all) {
    if (!this.height) return;
    const top = -this.body.getBoundingClientRect().top;
    const from = Math.max(0, Math.floor(top / this.height) - beyond);
    const to = Math.min(this.rows.length, Math.ceil((top + innerHeight) / this.height) + beyond);
    const need = Math.max(to - from, 1);
    while (this.pool.length < need) this.line();
    // Row i always has element i modulo their number, so that scrolling by one fills one.
    if (this.drawn !== this.pool.length) { this.drawn = this.pool.length; all = true; }
    const n = this.pool.length;
    for (let k = 0; k < n; k++) {
      const i = from + ((k - (from % n)) + n) % n;
      const line = this.pool[k];
      if (i >= to) { line.hide(); continue; }
      if (all || line.index !== i || line.row !== this.rows[i]) line.fill(this.rows[i], i, this.height, this.axis);
      line.mark(i === this.active);
    }
    this.point();
  }

  point() {
    const line = this.active < 0 ? null : this.pool[this.active % this.pool.length];
    if (line && line.index === this.active) this.grid.setAttribute('aria-activedescendant', line.element.id);
    else this.grid.removeAttribute('aria-activedescendant');
  }

  // go makes a row the active one and scrolls it into view.
  go(index) {
    if (!this.rows.length) return;
    this.active = Math.max(0, Math.min(this.rows.length - 1, index));
    const y = this.body.getBoundingClientRect().top + this.active * this.height;
    const above = this.covered();
    if (y < above) scrollBy({ top: y - above - 4, behavior: 'instant' });
    else if (y + this.height > innerHeight) scrollBy({ top: y + this.height - innerHeight + 8, behavior: 'instant' });
    this.draw(false);
  }

  step(by) { this.go(this.active < 0 ? this.first() : this.active + by); }

  page() { return Math.max(1, Math.floor((innerHeight - this.covered()) / this.height) - 1); }

  // key handles a key, and returns whether it did.
  key(name) {
    const moves = {
      ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: this.page(), PageUp: -this.page(), Home: -Infinity, End: Infinity,
    };
    if (name in moves) this.step(moves[name]);
    else if (name === 'Enter' && this.active >= 0) this.opened(this.rows[this.active], true);
    else return false;
    return true;
  }
}

let made = 0;

function newLine() {
  const cell = (name, ...children) => h('div', { class: `cell ${name}`, role: 'gridcell' }, ...children);
  const text = (name) => h('div', { class: name });
  const mark = icon('ok');
  const parts = {
    label: h('span'), host: text('strong'), object: text('quiet'), issuer: text('plain-text'), scope: text('quiet'),
    bar: h('div', { class: 'bar' }), spent: h('div', { class: 'spent' }), tick: h('div', { class: 'tick' }),
    expires: text('plain-text'), renews: text('quiet'), gateways: text('marks'), reason: h('span', { class: 'strong' }), message: h('span', { class: 'quiet' }),
  };
  const axis = h('div', { class: 'axis' }, parts.bar, parts.tick);
  parts.bar.append(parts.spent);
  const element = h('div', { class: 'row', role: 'row', id: `row-${made++}` },
    cell('c-state', mark, parts.label), cell('c-host', parts.host, parts.object), cell('c-issuer', parts.issuer, parts.scope),
    cell('c-life', axis), cell('c-expires', parts.expires, parts.renews), cell('c-gateways', parts.gateways), cell('c-reason', text('clamp')));
  const life = element.querySelector('.c-life');
  element.querySelector('.clamp').append(parts.reason, ' ', parts.message);
  return {
    element,
    hide() {
      if (!element.hidden) element.hidden = true;
      this.index = -1;
    },
    mark(active) {
      if ((element.getAttribute('aria-selected') === 'true') !== active) element.setAttribute('aria-selected', active);
    },
    fill(row, index, height, axis) {
      const { data: c, is } = row;
      if (element.hidden) element.hidden = false;
      if (this.index !== index) {
        element.style.transform = `translateY(${index * height}px)`;
        element.dataset.index = index;
        element.setAttribute('aria-rowindex', index + 2);
      }
      this.index = index;
      this.row = row;
      element.dataset.state = is.state;
      redraw(mark, is.state);
      say(parts.label, labelOf[is.state]);
      say(parts.host, hostsOf(c));
      say(parts.object, `${c.namespace}/${c.name}${c.deleting ? ' (being deleted)' : ''}`);
      const [kind, ...rest] = issuerName(c.issuer).split('/');
      say(parts.issuer, rest.at(-1) ?? 'none');
      say(parts.scope, c.issuer ? kind : 'provided Secret');
      say(parts.expires, c.notAfter ? away(c.notAfter, axis.now) : 'not issued');
      parts.expires.classList.toggle('ended', c.notAfter <= axis.now);
      say(parts.renews, renewal(c, axis.now));
      marks(parts.gateways, row.marks);
      say(parts.reason, is.reason);
      say(parts.message, is.message);
      bar(parts, c, axis);
      life.setAttribute('aria-label', lifeInWords(c));
    },
  };
}

export function hostsOf(c) {
  const [first = '(no host)', ...more] = c.hosts ?? [];
  return more.length ? `${first}, +${more.length}` : first;
}

const renewal = (c, now) => {
  if (!c.renewal || !c.notAfter) return '';
  return c.renewal > now ? `renews ${away(c.renewal, now)}` : `was due ${away(c.renewal, now)}`;
};

const dates = new Intl.DateTimeFormat();

const lifeInWords = (c) => {
  if (!c.notAfter) return 'no life yet';
  const on = (time) => dates.format(time);
  return `${c.notBefore ? `from ${on(c.notBefore)} ` : ''}to ${on(c.notAfter)}${c.renewal ? `, renewal ${on(c.renewal)}` : ''}`;
};

// marks shows two gateways by name, and more as a number.
function marks(element, found) {
  const all = found.length > 2 ? [summary(found)] : found;
  const key = all.map((m) => `${m.state} ${m.name} ${m.text}`).join('|') || 'none';
  if (element.dataset.key === key) return;
  element.dataset.key = key;
  element.replaceChildren(...(all.length ? all : [{ state: 'unknown', text: 'no gateway', name: '' }]).map((m) => h('span', { class: 'mark', 'data-state': m.state, title: `${m.name} ${m.text}` },
    icon(m.state), m.name && h('span', null, m.name), h('span', { class: 'mark-text quiet' }, m.text))));
}

function summary(found) {
  const bad = found.filter((m) => m.state === 'unserved').length;
  const good = found.filter((m) => m.state === 'ok').length;
  return { state: bad ? 'unserved' : good === found.length ? 'ok' : 'unknown', text: `served by ${good} of ${found.length}`, name: '' };
}

const clamp = (x) => Math.max(0, Math.min(1, x));

function bar({ bar, spent, tick }, c, axis) {
  const from = clamp(axis.at(c.notBefore ?? c.notAfter)), to = clamp(axis.at(c.notAfter));
  const seen = Boolean(c.notAfter) && axis.at(c.notAfter) > 0;
  bar.hidden = !seen;
  if (seen) {
    bar.style.left = `${from * 100}%`;
    bar.style.width = `max(4px, ${(to - from) * 100}%)`;
    spent.style.width = `${clamp((axis.at(axis.now) - from) / (to - from || 1)) * 100}%`;
    bar.classList.toggle('more', axis.at(c.notAfter) > 1);
    bar.classList.toggle('before', Boolean(c.notBefore) && axis.at(c.notBefore) < 0);
  }
  const at = c.renewal ? axis.at(c.renewal) : -1;
  tick.hidden = at < 0 || at > 1;
  if (!tick.hidden) tick.style.left = `${at * 100}%`;
}
