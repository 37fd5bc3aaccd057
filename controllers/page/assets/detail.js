// SPDX-License-Identifier: Apache-2.0

// The details of one certificate.

import { h, icon } from './dom.js';
import { away, gatewayMark, issuerStanding, labelOf } from './state.js';
import { issuerName } from './query.js';

const stamp = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

// drawDetail fills element. closed is called when it is closed.
export function drawDetail(element, row, issuer, now, closed) {
  const { data: c, is } = row;
  element.replaceChildren(...[
    h('header', null,
      h('h2', { id: 'detail-title' }, c.hosts?.[0] ?? c.name),
      h('button', { type: 'button', class: 'plain', onclick: closed }, 'Close ', h('kbd', null, 'Esc'))),
    h('p', { class: 'verdict', 'data-state': is.state }, icon(is.state), h('span', null,
      h('b', null, labelOf[is.state]), is.reason && is.state !== 'ok' ? ` · ${is.reason}` : '', is.message && h('span', { class: 'verdict-message' }, is.message))),
    facts(c, issuer, now),
    part('Hosts', h('ul', { class: 'hosts' }, (c.hosts ?? []).map((host) => h('li', null, host)))),
    gateways(c), conditions(c, now), warnings(c),
    part('On the command line', h('code', { class: 'command' }, `kubectl -n ${c.namespace} describe acert ${c.name}`),
      c.issuer && h('code', { class: 'command' }, `kubectl apisix-certs renew -n ${c.namespace} ${c.name}`)),
  ].filter(Boolean));
}

function part(title, ...content) {
  return h('section', null, h('h3', null, title), content);
}

function facts(c, issuer, now) {
  const list = h('dl', { class: 'facts' });
  const add = (name, ...value) => { if (value.some(Boolean)) list.append(h('div', null, h('dt', null, name), h('dd', null, ...value.filter(Boolean)))); };
  add('Certificate', `${c.namespace}/${c.name}`);
  add('Made for', c.source);
  add('Secret', c.secret, c.keyStorage && c.keyStorage !== 'Secret' && ` (key: ${c.keyStorage})`);
  add('Issuer', c.issuer ? issuerName(c.issuer) : 'none: the Secret is provided', issuer && h('span', { class: 'quiet' }, ` ${inWords(issuer, now)}`));
  add('Valid from', time(c.notBefore, now));
  add('Renewal', time(c.renewal, now));
  add('Valid until', time(c.notAfter, now));
  add('Serial', c.serial && h('span', { class: 'mono' }, c.serial));
  add('SHA-256', c.fingerprint && h('span', { class: 'mono' }, c.fingerprint));
  add('Failures', c.failedAttempts && `${c.failedAttempts}, last `, c.failedAttempts && time(c.lastFailure, now));
  return list;
}

function inWords(issuer, now) {
  const { state, text } = issuerStanding(issuer, now);
  return `${state === 'ok' ? 'ready' : text}${issuer.ca ? `, CA expires ${away(issuer.ca.notAfter, now)}` : ''}`;
}

function time(ms, now) {
  return ms && h('time', { datetime: new Date(ms).toISOString(), title: new Date(ms).toISOString() }, `${stamp.format(ms)} (${away(ms, now)})`);
}

function gateways(c) {
  if (!c.gateways?.length) return null;
  return part('Gateways', h('ul', { class: 'cards' }, c.gateways.map((g) => {
    const { state, text } = gatewayMark(c, g);
    return h('li', null,
      h('p', { class: 'card-title', 'data-state': state }, icon(state), h('b', null, g.name), ` ${text}`),
      h('dl', { class: 'facts' }, pair('Mode', g.mode), pair('ssl object', g.sslID), pair('Has', serial(c, g.pushedSerial)), pair('Serves', serial(c, g.servedSerial))));
  })));
}

const pair = (name, value) => h('div', null, h('dt', null, name), h('dd', { class: 'mono' }, value || 'unknown'));

const serial = (c, text) => (text && text === c.serial ? 'the issued certificate' : text);

function conditions(c, now) {
  if (!c.conditions?.length) return null;
  const states = { True: 'ok', False: 'failing', Unknown: 'unknown' };
  const bad = { Expiring: { True: 'risk', False: 'ok' } };
  return part('Conditions', h('ul', { class: 'cards' }, c.conditions.map((k) => {
    const state = bad[k.type]?.[k.status] ?? states[k.status];
    return h('li', null,
      h('p', { class: 'card-title', 'data-state': state }, icon(state), h('b', null, k.type), ` ${k.status} · ${k.reason}`),
      k.message && h('p', null, k.message), h('p', { class: 'quiet' }, 'since ', time(k.since, now)));
  })));
}

function warnings(c) {
  return c.warnings?.length ? part('Issuer warnings', h('ul', { class: 'hosts' }, c.warnings.map((w) => h('li', null, w)))) : null;
}
