// SPDX-License-Identifier: Apache-2.0

// The heads of the columns: they sort, and that of the lives has the time axis with what is ahead.

import { h, say } from './dom.js';
import { span } from './state.js';
import { ahead, ticks } from './axis.js';
import { number } from './strips.js';

const columns = [
  ['state', 'State'], ['host', 'Hosts'], ['issuer', 'Issuer'], ['life', 'Life'], ['expires', 'Expires'], ['gateways', 'Gateways'], ['reason', 'Reason'],
];
const labelWidth = 46; // pixels
const parts = 48; // of the axis in which renewals and ends are counted

export class Head {
  // sorted(column) is called when a head is pressed.
  constructor(element, sorted) {
    this.cells = columns.map(([id, label]) => {
      const arrow = h('span', { class: 'arrow', 'aria-hidden': 'true' });
      const cell = h('div', { class: `cell c-${id}`, role: 'columnheader' }, h('button', { type: 'button', class: 'sort', onclick: () => sorted(id) }, label, arrow));
      element.append(cell);
      return { id, cell, arrow };
    });
    this.scale = h('div', { class: 'scale', role: 'img' });
    this.bars = Array.from({ length: parts }, () => ({ renewals: h('i', { class: 'renewals' }), ends: h('i', { class: 'ends' }) }));
    this.scale.append(h('div', { class: 'bars' }, this.bars.map((b) => h('span', null, b.ends, b.renewals))), this.labels = h('div', { class: 'labels' }));
    this.cells.find((c) => c.id === 'life').cell.append(this.scale);
  }

  show(query, axis, certificates) {
    for (const { id, cell, arrow } of this.cells) {
      const sorted = query.sort === id;
      cell.setAttribute('aria-sort', sorted ? (query.down ? 'descending' : 'ascending') : 'none');
      say(arrow, sorted ? (query.down ? ' ↓' : ' ↑') : '');
    }
    this.labels.replaceChildren(...ticks(axis, labelWidth / (this.labels.clientWidth || 300)).map((t) => {
      const label = h('span', null, t.offset === 0 ? 'now' : t.offset < 0 ? `−${span(t.offset)}` : span(t.offset));
      label.style.left = `${t.at * 100}%`;
      return label;
    }));
    this.showAhead(ahead(certificates, axis, parts), axis);
  }

  showAhead(counts, axis) {
    const most = Math.max(1, ...counts.map((c) => c.renewals + c.ends));
    const sum = { renewals: 0, ends: 0 };
    counts.forEach((c, i) => {
      // A part with anything at all is seen.
      this.bars[i].renewals.style.height = c.renewals ? `max(2px, ${(c.renewals / most) * 100}%)` : '0';
      this.bars[i].ends.style.height = c.ends ? `max(2px, ${(c.ends / most) * 100}%)` : '0';
      sum.renewals += c.renewals;
      sum.ends += c.ends;
    });
    const text = `In the next ${span(axis.range.ahead)}: ${number(sum.renewals)} renewals, and ${number(sum.ends)} expiries without a renewal before`;
    this.scale.setAttribute('aria-label', text);
    this.scale.title = text;
  }
}
