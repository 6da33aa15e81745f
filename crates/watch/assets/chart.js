// A line chart of two series over time, on a canvas.
import { seconds, short } from './words.js';

/** The next of 1, 2, 5, 10, 20, ... that is no smaller. */
function roundUp(n) {
  const power = 10 ** Math.floor(Math.log10(n));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= n * 0.999);
}

export class Chart {
  /** `columns`: which numbers of a point are drawn, with the colours of their lines. */
  constructor(canvas, now, columns, unit) {
    Object.assign(this, { canvas, now, columns, unit, points: [] });
    new ResizeObserver(() => this.draw()).observe(canvas);
    canvas.addEventListener('pointermove', (event) => { this.at = event.offsetX; this.draw(); });
    canvas.addEventListener('pointerleave', () => { this.at = undefined; this.draw(); });
  }

  show(points) {
    this.points = points;
    this.draw();
  }

  draw() {
    const { canvas, points } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width) return;
    const scale = window.devicePixelRatio || 1;
    const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
    const g = canvas.getContext('2d');
    g.setTransform(scale, 0, 0, scale, 0, 0);
    g.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas);
    const colour = (name) => style.getPropertyValue(name);
    const [left, right, top, bottom] = [44, width - 6, 8, height - 20];
    const most = Math.max(...points.flatMap((point) => this.columns.map(([column]) => point[column])), 0);
    const step = roundUp(Math.max(most, 0.001) / 3);
    const peak = Math.max(step * Math.ceil(most / step), step);
    const y = (value) => bottom - ((bottom - top) * value) / peak;
    g.font = '11px system-ui, sans-serif';
    g.fillStyle = colour('--faint');
    g.strokeStyle = colour('--line');
    g.lineWidth = 1;
    g.textAlign = 'right';
    g.textBaseline = 'middle';
    for (let value = 0; value <= peak * 1.001; value += step) {
      const at = Math.round(y(value)) + 0.5;
      g.beginPath();
      g.moveTo(left, at);
      g.lineTo(right, at);
      g.stroke();
      g.fillText(Number(value.toPrecision(3)).toLocaleString('en-US'), left - 6, at);
    }
    if (points.length < 2) {
      this.tell(points.at(-1));
      return;
    }
    const [first, last] = [points[0][0], points.at(-1)[0]];
    const x = (time) => left + ((right - left) * (time - first)) / Math.max(last - first, 1);
    g.textBaseline = 'top';
    g.textAlign = 'left';
    g.fillText(`${seconds(Math.max(last - first, 1))} ago`, left, bottom + 5);
    g.textAlign = 'right';
    g.fillText('now', right, bottom + 5);
    this.columns.forEach(([column, name], i) => {
      g.beginPath();
      points.forEach((point, at) => g[at ? 'lineTo' : 'moveTo'](x(point[0]), y(point[column])));
      g.strokeStyle = colour(name);
      g.lineWidth = 2;
      g.lineJoin = 'round';
      g.stroke();
      if (i === 0) {
        g.lineTo(right, bottom);
        g.lineTo(left, bottom);
        g.globalAlpha = 0.13;
        g.fillStyle = colour(name);
        g.fill();
        g.globalAlpha = 1;
      }
    });
    let shown = points.at(-1);
    if (this.at !== undefined) {
      const time = first + ((this.at - left) / (right - left)) * (last - first);
      shown = points.reduce((a, b) => (Math.abs(b[0] - time) < Math.abs(a[0] - time) ? b : a));
      g.strokeStyle = colour('--faint');
      g.lineWidth = 1;
      g.beginPath();
      g.moveTo(x(shown[0]), top);
      g.lineTo(x(shown[0]), bottom);
      g.stroke();
    }
    this.tell(shown, last);
  }

  tell(point, last) {
    if (!point) return;
    const figures = this.columns.map(([column, , what]) => `${short(point[column])} ${what}`).join(', ');
    const ago = last !== undefined && last > point[0] ? ` (${seconds(last - point[0])} ago)` : '';
    this.now.textContent = figures + ago;
    this.canvas.setAttribute('aria-label', `${this.unit} over time; now ${figures}`);
  }
}
