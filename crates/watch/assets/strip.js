// The download window as a strip of cells. Each cell stands for a run of blocks and is filled from below: verified,
// connected, stored, received, in flight (in the colour of the peer that owes most of them), and, empty, wanted.
import { count, plural, seconds } from './words.js';

export const STATES = ['verified', 'connected', 'stored', 'received', 'in flight', 'wanted'];
const IN_FLIGHT = 4;
const WANTED = 5;
const COLOURS = ['--verified', '--connected', '--stored', '--received', null, '--wanted'];

/** The colour of a peer, by its id: one of eight. */
export const peerClass = (id) => `p${id % 8}`;

export class StripView {
  constructor(canvas, detail) {
    this.canvas = canvas;
    this.detail = detail;
    this.strip = null;
    this.names = new Map();
    this.chosen = null;
    canvas.addEventListener('pointermove', (event) => this.point(event));
    canvas.addEventListener('pointerdown', (event) => this.point(event));
    canvas.addEventListener('keydown', (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  show(strip, names) {
    this.strip = strip;
    this.names = names;
    this.draw();
    this.describe();
  }

  layout() {
    const width = this.canvas.clientWidth;
    const cells = Math.max(this.strip.cells.length, 1);
    // Few blocks make large cells; many make small ones, of a size that a finger and an eye can still tell apart.
    const size = Math.max(9, Math.min(22, Math.floor(Math.sqrt((width * 110) / cells)) - 2));
    const pitch = size + 2;
    const columns = Math.max(1, Math.floor((width + 2) / pitch));
    return { size, pitch, columns, rows: Math.ceil(cells / columns) };
  }

  draw() {
    if (!this.strip || !this.canvas.clientWidth) return;
    const { size, pitch, columns, rows } = this.layout();
    const scale = window.devicePixelRatio || 1;
    const height = Math.max(rows * pitch - 2, size);
    this.canvas.style.height = `${height}px`;
    const [w, h] = [Math.round(this.canvas.clientWidth * scale), Math.round(height * scale)];
    if (this.canvas.width !== w || this.canvas.height !== h) Object.assign(this.canvas, { width: w, height: h });
    const g = this.canvas.getContext('2d');
    g.setTransform(scale, 0, 0, scale, 0, 0);
    g.clearRect(0, 0, w, h);
    const style = getComputedStyle(this.canvas);
    const colour = (name) => style.getPropertyValue(name);
    const colours = COLOURS.map((name) => name && colour(name));
    const [late, text] = [colour('--late'), colour('--text')];
    this.strip.cells.forEach(([counts, peer, isLate], at) => {
      const x = (at % columns) * pitch;
      const y = Math.floor(at / columns) * pitch;
      const blocks = counts.reduce((a, b) => a + b, 0) || 1;
      g.fillStyle = colours[WANTED];
      g.fillRect(x, y, size, size);
      let below = y + size;
      let filled = 0;
      for (let state = 0; state < WANTED; state += 1) {
        if (!counts[state]) continue;
        filled += counts[state];
        // What is in flight is always seen, be it one block of forty.
        let top = y + size - (size * filled) / blocks;
        if (state === IN_FLIGHT) top = Math.min(top, below - 3);
        g.fillStyle = state === IN_FLIGHT ? colour(`--${peerClass(peer ?? 0)}`) : colours[state];
        g.fillRect(x, Math.max(top, y), size, Math.max(below - Math.max(top, y), 0));
        below = top;
      }
      if (isLate) {
        g.strokeStyle = late;
        g.lineWidth = 2;
        g.strokeRect(x + 1, y + 1, size - 2, size - 2);
      }
      if (at === this.index()) {
        g.strokeStyle = text;
        g.lineWidth = 2;
        g.strokeRect(x, y, size, size);
      }
    });
  }

  /** The chosen cell follows its blocks while the strip slides. */
  index() {
    if (this.chosen === null || !this.strip) return -1;
    const at = Math.floor((this.chosen - this.strip.first) / this.strip.per_cell);
    return Math.max(0, Math.min(at, this.strip.cells.length - 1));
  }

  choose(at) {
    if (at < 0 || at >= this.strip.cells.length) return;
    this.chosen = this.strip.first + at * this.strip.per_cell;
    this.draw();
    this.describe();
  }

  point(event) {
    if (!this.strip) return;
    const { pitch, columns } = this.layout();
    const column = Math.floor(event.offsetX / pitch);
    if (column < columns) this.choose(Math.floor(event.offsetY / pitch) * columns + column);
  }

  key(event) {
    if (!this.strip) return;
    const { columns } = this.layout();
    const last = this.strip.cells.length - 1;
    const now = Math.max(this.index(), 0);
    const step = {
      ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -now, End: last - now,
      PageDown: columns * 4, PageUp: -columns * 4,
    }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.choose(Math.max(0, Math.min(last, now + step)));
  }

  describe() {
    const at = this.index();
    const { canvas, strip } = this;
    canvas.setAttribute('aria-valuemax', Math.max(strip.cells.length - 1, 0));
    canvas.setAttribute('aria-valuenow', Math.max(at, 0));
    if (at < 0) {
      const all = STATES.map((state, i) => strip.counts[i] && `${count(strip.counts[i])} ${state}`).filter(Boolean);
      canvas.setAttribute('aria-valuetext', all.join(', ') || 'no blocks');
      return;
    }
    const [counts, peer, late] = strip.cells[at];
    const first = strip.first + at * strip.per_cell;
    const last = Math.min(first + strip.per_cell - 1, strip.last);
    const states = STATES.map((state, i) => counts[i] && `${count(counts[i])} ${state}`).filter(Boolean);
    let text = first === last ? `Block ${count(first)}: ` : `Blocks ${count(first)} to ${count(last)}: `;
    text += first === last ? states.join(', ').replace(/^1 /, '') : states.join(', ');
    if (peer !== null) text += `, ${first === last ? '' : 'most '}owed by peer ${peer} (${this.names.get(peer) ?? 'gone'})`;
    if (late) text += ', late';
    this.detail.textContent = text;
    canvas.setAttribute('aria-valuetext', text);
  }
}

/** What holds the window up, in words. */
export function frontText(strip, names, phase) {
  if (strip.front) {
    const { height, peer, waited, late } = strip.front;
    return `Block ${count(height)}, the first of the window, was asked of peer ${peer} (${names.get(peer) ?? 'gone'}) `
      + `${seconds(waited / 1000)} ago${late ? ' and is late' : ''}.`;
  }
  if (strip.left_out) return `${plural(strip.left_out, 'more stored block')} before the strip wait for validation.`;
  if (strip.window[1] === 0) return phase === 'synced' ? 'Nothing is missing: these are the last blocks of the chain.' : '';
  return '';
}
