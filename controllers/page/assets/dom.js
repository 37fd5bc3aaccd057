// SPDX-License-Identifier: Apache-2.0

// Making elements. Texts are always texts: nothing here, or on the page, reads markup.

export const by = (id) => document.getElementById(id);

// h makes an element. Attributes that are null, undefined or false are left out; "on..." are listeners.
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value == null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

// say sets a text only where it is another one, for setting it costs a layout.
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const shapes = {
  failing: ['M5.1 1.5h5.8l3.6 3.6v5.8l-3.6 3.6H5.1L1.5 10.9V5.1z', 'M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4'],
  unserved: ['M8 1.8L15 14H1z', 'M8 6.2v3.6M8 11.9v.2'],
  risk: ['M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13z', 'M8 4.2V8l2.6 1.9'],
  renewing: ['', 'M13.6 8A5.6 5.6 0 1 1 11.6 3.7M13.4 1.6v3.2h-3.2'],
  ok: ['', 'M2.6 8.4l3.6 3.6L13.4 4.4'],
  unknown: ['', 'M3 8h10'],
};

// icon draws a state: each has its own shape, so that colour is not required.
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('aria-hidden', 'true');
  svg.classList.add('icon');
  shapes[name].forEach((d, i) => {
    const path = document.createElementNS(svg.namespaceURI, 'path');
    path.setAttribute('d', d);
    path.setAttribute('class', i === 0 ? 'area' : 'stroke');
    svg.append(path);
  });
  return svg;
}

// redraw changes an icon in place.
export function redraw(svg, name) {
  if (svg.dataset.name === name) return;
  svg.dataset.name = name;
  shapes[name].forEach((d, i) => svg.children[i].setAttribute('d', d));
}
