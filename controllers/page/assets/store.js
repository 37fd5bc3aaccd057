// SPDX-License-Identifier: Apache-2.0

// Reads the snapshot once, then the changes, and starts again if the connection breaks.

import { parse } from './state.js';

const silence = 40e3; // two heartbeats of the server, and some
const pause = 2e3;

// Store calls changed({all, certificates, issuers, gone}) with what is new or changed, and link(state, time, problem) with
// "connecting", "live", "lost" or "resting", the last time that the controller sent, and why the snapshot cannot be read.
export class Store {
  constructor({ changed, link }) {
    this.changed = changed;
    this.link = link;
  }

  async start() {
    this.link('connecting');
    try {
      const answer = await fetch('snapshot', { signal: AbortSignal.timeout(silence) }); // do not wait forever
      if (!answer.ok) throw new Error(`HTTP ${answer.status}: ${(await answer.text()).trim()}`);
      const all = await answer.json();
      this.changed({ all: true, ...rowsOf(all), gone: [] });
      this.version = all.version;
      if (this.resting) return; // the page was hidden meanwhile
      this.listen();
      this.live(all.now);
    } catch (problem) {
      this.link('lost', null, problem.message);
      this.later(pause);
    }
  }

  listen() {
    this.events?.close();
    const events = new EventSource(`events?since=${encodeURIComponent(this.version)}`);
    this.events = events;
    events.addEventListener('time', (e) => this.live(e.data));
    events.addEventListener('change', (e) => {
      const change = JSON.parse(e.data);
      this.version = change.version;
      this.changed({ all: false, ...rowsOf(change), gone: change.gone ?? [] });
      this.live(change.now);
    });
    events.addEventListener('resync', () => this.again());
    events.addEventListener('error', () => {
      this.link('lost');
      // One that is refused does not try again by itself, and one that hangs does not know.
      this.later(events.readyState === EventSource.CLOSED ? pause : silence);
    });
  }

  // rest closes the stream of a hidden page: a browser has six connections to a server, and each page uses one.
  rest() {
    clearTimeout(this.timer);
    this.events?.close();
    this.resting = true;
    this.link('resting');
  }

  wake() {
    if (!this.resting) return;
    this.resting = false;
    if (!this.version) return this.again();
    this.listen();
    this.later(silence);
  }

  again() {
    this.events?.close();
    this.start();
  }

  live(now) {
    this.link('live', Date.parse(now));
    this.later(silence);
  }

  // later reconnects after a delay, unless an event arrives before.
  later(ms) {
    clearTimeout(this.timer);
    if (this.resting) return;
    this.timer = setTimeout(() => { this.link('lost'); this.again(); }, ms);
  }
}

const rowsOf = (change) => ({ certificates: change.certificates.map(parse), issuers: change.issuers.map(parse) });
