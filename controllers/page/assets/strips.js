// SPDX-License-Identifier: Apache-2.0

// The part above the list: how many certificates there are of each state, the issuers, and the gateways.

import { h, icon, redraw, say } from './dom.js';
import { away, issuerStanding, severity, states } from './state.js';
import { issuerName } from './query.js';

const thousands = new Intl.NumberFormat('en');
export const number = (n) => thousands.format(n);

// States draws the counts, each a button that filters. toggled(id) is called when one is pressed.
export class States {
  constructor(element, toggled) {
    this.buttons = states.map((s) => {
      const count = h('span', { class: 'count' }, '–');
      const button = h('button', { type: 'button', class: 'state', 'data-state': s.id, 'aria-pressed': 'false', title: s.means, onclick: () => toggled(s.id) },
        icon(s.id), count, h('span', { class: 'state-label' }, s.label));
      element.append(h('li', null, button));
      return { id: s.id, button, count };
    });
  }

  show(counts, chosen) {
    for (const { id, button, count } of this.buttons) {
      say(count, number(counts[id] ?? 0));
      button.setAttribute('aria-pressed', chosen.has(id));
      button.dataset.none = !counts[id];
    }
  }
}

// Strip draws a list of pills, each a button that adds a word to the search, and says nothing where nothing changed.
class Strip {
  constructor(element, toggled) {
    Object.assign(this, { element, toggled, pills: new Map() });
  }

  show(items, words) {
    const chosen = new Set(words.toLowerCase().split(/\s+/));
    const seen = new Set(items.map((i) => i.word));
    for (const [word, pill] of this.pills) if (!seen.has(word)) { pill.item.remove(); this.pills.delete(word); }
    if (!items.length) this.none ??= this.element.appendChild(h('li', { class: 'quiet' }, 'none'));
    else { this.none?.remove(); this.none = null; }
    items.forEach((i, n) => {
      const pill = this.pills.get(i.word) ?? this.pill(i.word);
      if (this.element.children[n] !== pill.item) this.element.insertBefore(pill.item, this.element.children[n] ?? null);
      redraw(pill.mark, i.state);
      pill.button.dataset.state = i.state;
      say(pill.name, i.name);
      say(pill.text, i.text);
      pill.button.title = i.title;
      pill.button.setAttribute('aria-pressed', chosen.has(i.word.toLowerCase()));
    });
  }

  pill(word) {
    const pill = { mark: icon('ok'), name: h('span', { class: 'pill-name' }), text: h('span', { class: 'quiet' }) };
    pill.button = h('button', { type: 'button', class: 'pill', 'aria-pressed': 'false', onclick: () => this.toggled(word) }, pill.mark, pill.name, pill.text);
    pill.item = h('li', null, pill.button);
    this.pills.set(word, pill);
    return pill;
  }
}

const worstFirst = (a, b) => severity[a.state] - severity[b.state] || b.count - a.count || (a.word < b.word ? -1 : 1);
const certificates = (n) => `${number(n)} certificate${n === 1 ? '' : 's'}`;

export class Issuers extends Strip {
  draw(issuers, rows, now, words) {
    const counts = new Map();
    for (const { data } of rows) if (data.issuer) counts.set(data.issuer, (counts.get(data.issuer) ?? 0) + 1);
    const items = [...issuers.values()].map((i) => this.known(i, counts, now));
    // Those of cert-manager are named by certificates alone.
    for (const [key, count] of counts) if (!issuers.has(key)) items.push(this.unknown(key, count));
    this.show(items.sort(worstFirst), words);
  }

  known(i, counts, now) {
    const { state, text } = issuerStanding(i, now);
    const count = counts.get(i.key) ?? 0;
    const ca = i.ca ? `CA ${i.ca.notAfter > now ? 'expires' : 'expired'} ${away(i.ca.notAfter, now)}` : 'CA unknown';
    const short = state === 'failing' ? text.split(':')[0] : ca;
    return {
      word: `issuer:${issuerName(i.key)}`, state, count, name: i.namespace ? `${i.namespace}/${i.name}` : i.name, text: `${short} · ${certificates(count)}`,
      title: `${i.kind} ${i.name}: ${text}\n${ca}${i.ca ? ` (${i.ca.commonName ?? ''})` : ''}\n${certificates(count)}`,
    };
  }

  unknown(key, count) {
    const name = issuerName(key);
    const ofCertManager = /^(Cluster)?Issuer\//.test(name);
    return {
      word: `issuer:${name}`, state: ofCertManager ? 'unknown' : 'failing', count, name: name.replace(/^\w+\//, ''),
      text: `${ofCertManager ? 'cert-manager' : 'not found'} · ${certificates(count)}`, title: `${name}: ${ofCertManager ? 'a cert-manager issuer' : 'the issuer does not exist'}\n${certificates(count)}`,
    };
  }
}

export class Gateways extends Strip {
  draw(rows, words) {
    const found = new Map();
    for (const { marks } of rows) {
      for (const { name, mode, state } of marks) {
        if (!found.has(name)) found.set(name, { ok: 0, unserved: 0, unknown: 0, mode });
        found.get(name)[state]++;
      }
    }
    this.show([...found].map(([name, sum]) => this.item(name, sum)).sort(worstFirst), words);
  }

  item(name, sum) {
    const count = sum.ok + sum.unserved + sum.unknown;
    const parts = [`${number(sum.ok)} of ${number(count)} served as issued`];
    if (sum.unserved) parts.push(`${number(sum.unserved)} not`);
    if (sum.unknown) parts.push(`${number(sum.unknown)} not verified`);
    return {
      word: `gateway:${name}`, name, count, state: sum.unserved ? 'unserved' : sum.unknown ? 'unknown' : 'ok', text: parts.join(', '),
      title: `${name}${sum.mode ? `, mode ${sum.mode}` : ''}: ${parts.join(', ')}`,
    };
  }
}
