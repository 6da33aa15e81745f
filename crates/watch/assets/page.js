// The page: takes each status from the node's events and writes its figures where they belong. Whatever comes from peers
// is set as text, never as markup.
import { Chart } from './chart.js';
import { STATES, StripView, frontText, peerClass } from './strip.js';
import { bytes, count, mebibytes, milliseconds, plural, seconds, short } from './words.js';

const el = (id) => document.getElementById(id);
const PHASES = {
  starting: 'Starting', connecting: 'Looking for peers', headers: 'Finding the best chain', blocks: 'Downloading blocks',
  validating: 'Validating', synced: 'At the tip', paused: 'Paused',
};
/** The node sends something at least this often; after twice that it is gone. */
const SILENCE = 6000;

let course = { recent: [], run: [], each: 1 };
let shown = 'recent';
let heard = 0;
let source = null;
let newest = null;

const strip = new StripView(el('strip'), el('detail'));
const charts = [
  new Chart(el('chart-blocks'), el('chart-blocks-now'), [[1, '--stored', 'stored'], [3, '--verified', 'validated']], 'Blocks per second'),
  new Chart(el('chart-bytes'), el('chart-bytes-now'), [[2, '--stored', 'stored'], [4, '--verified', 'validated']], 'Megabytes per second'),
];

function text(id, value) {
  const node = el(id);
  if (node.textContent !== value) node.textContent = value;
}

/** A new element with a class and children. */
function make(tag, name, ...children) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  node.append(...children);
  return node;
}

/** Rows of "what: how much". */
function rows(id, pairs) {
  el(id).replaceChildren(...pairs.filter(Boolean).map(([what, value]) => {
    const th = make('th', '', what);
    th.scope = 'row';
    return make('tr', '', th, make('td', '', ...[value].flat()));
  }));
}

function meter(part, whole) {
  const fill = make('i', '');
  fill.style.width = `${whole ? Math.min(100, (100 * part) / whole) : 0}%`;
  const box = make('span', 'meter', fill);
  box.setAttribute('aria-hidden', 'true');
  return box;
}

function hero(status) {
  const { sync, rates, phase } = status;
  text('phase', PHASES[phase] ?? phase);
  text('message', status.message);
  const done = Math.floor(sync.progress * 10000) / 100;
  text('percent', phase === 'starting' ? '–' : done.toFixed(2));
  const target = Math.max(sync.target, 1);
  // Shares of the bar are shares of the work: a block of today weighs as much as thousands of old ones.
  const all = sync.bytes_validated + sync.bytes_waiting + sync.bytes_missing;
  const share = (n) => `${Math.min(100, all ? (100 * n) / all : 0)}%`;
  el('bar-headers').style.width = `${Math.min(100, (100 * sync.headers) / target)}%`;
  el('bar-stored').style.width = phase === 'synced' ? '100%' : share(sync.bytes_validated + sync.bytes_waiting);
  el('bar-verified').style.width = `${100 * sync.progress}%`;
  el('bar').setAttribute('aria-valuenow', done);
  el('bar').setAttribute('aria-valuetext', `${done.toFixed(2)} %, ${status.message}`);
  text('tip', count(sync.tip));
  text('stored', count(sync.stored));
  text('headers', sync.headers < sync.target ? `${count(sync.headers)} of ${count(sync.target)}` : count(sync.headers));
  const left = phase === 'synced' ? 'none' : sync.eta === null ? 'unknown' : seconds(Math.max(sync.eta, 1));
  const limit = { download: 'download-bound', validation: 'validation-bound', none: '' }[sync.limit];
  el('eta').replaceChildren(left, ' ', make('small', 'limit', phase === 'synced' ? '' : limit));
  el('rate-blocks').replaceChildren(short(rates.blocks_validated), make('small', '', ' /s'));
  el('rate-bytes').replaceChildren(bytes(Math.max(rates.bytes_stored, 0)), make('small', '', '/s'));
  el('rate-transactions').replaceChildren(short(rates.transactions), make('small', '', ' /s'));
  text('peer-count', count(status.peers.length));
  document.title = phase === 'synced' ? `${count(sync.tip)} · tipward` : `${done.toFixed(2)} % · tipward`;
}

function downloadWindow(status, names) {
  const { strip: figures } = status;
  strip.show(figures, names);
  const each = figures.per_cell === 1 ? 'one block a cell' : `${count(figures.per_cell)} blocks a cell`;
  text('strip-range', figures.cells.length ? `blocks ${count(figures.first)} to ${count(figures.last)}, ${each}` : '');
  text('front', frontText(figures, names, status.phase));
  el('front').classList.toggle('late', Boolean(figures.front?.late));
  const classes = ['verified', 'connected', 'stored', 'received', 'flight', 'wanted'];
  el('legend').replaceChildren(...STATES.map((state, i) => make(
    'li', '', make('i', `key ${classes[i]}`), state, make('b', '', count(figures.counts[i])))));
  el('owed').replaceChildren(...status.peers.filter((peer) => peer.in_flight > 0).map((peer) => {
    const late = peer.state === 'late' || peer.state === 'silent';
    const item = make('li', late ? 'late' : '', make('i', `key ${peerClass(peer.id)}`), `peer ${peer.id}`, make('b', '', count(peer.in_flight)));
    if (late) item.append(`\u00a0${peer.state} for ${seconds((peer.oldest ?? 0) / 1000)}`);
    return item;
  }));
}

function peerRow(peer, now) {
  const cells = [
    ['', 'wide peer', make('i', `key ${peerClass(peer.id)}`), `${peer.id} · ${peer.addr}`],
    ['State', `state-${peer.state}`, peer.state],
    ['In flight', 'n', count(peer.in_flight), peer.oldest !== null && peer.in_flight ? make('span', 'sub', `for ${seconds(peer.oldest / 1000)}`) : ''],
    ['Speed', 'n', peer.speed === null ? '–' : `${bytes(peer.speed)}/s`],
    ['Ping', 'n', milliseconds(peer.ping)],
    ['Received', 'n', bytes(peer.received)],
    ['Sent', 'n', bytes(peer.sent)],
    ['Blocks', 'n', count(peer.blocks)],
    ['Joined', '', peer.kind, make('span', 'sub', `${seconds(Math.max(now - peer.since, 1))} ago`)],
    ['', 'wide', peer.user_agent || '–', make('span', 'sub', [peer.version || '', peer.transport, ...peer.services].filter(Boolean).join(' · '))],
  ];
  return make('tr', '', ...cells.map(([label, name, ...children]) => {
    const td = make('td', name, ...children);
    if (label) td.dataset.label = label;
    return td;
  }));
}

function peers(status) {
  const now = status.node.time / 1000;
  const { traffic, rates } = status;
  text('traffic', `received ${bytes(traffic.received)} at ${bytes(rates.received)}/s, sent ${bytes(traffic.sent)} at ${bytes(rates.sent)}/s, `
    + `${plural(traffic.known_addresses, 'known address').replace('addresss', 'addresses')}, ${plural(traffic.banned, 'ban')}`
    + (traffic.active ? '' : ', the network is switched off'));
  el('peers').tBodies[0].replaceChildren(...status.peers.map((peer) => peerRow(peer, now)));
  text('left-count', status.left.length ? `(${status.left.length})` : '(nobody)');
  el('left').tBodies[0].replaceChildren(...status.left.map((peer) => make('tr', '',
    make('td', 'peer', `${peer.id} · ${peer.addr || 'never connected'}`), make('td', '', peer.kind),
    make('td', 'n', `${seconds(Math.max(now - peer.at, 1))} ago`), make('td', '', peer.why))));
}

function inside(status) {
  const { queues: q, credits, coins, disk, events, process, sync } = status;
  rows('queues', [
    ['Messages for the network thread', `${count(q.messages)}, answered in ${milliseconds(q.driver_answer_ms)}`],
    ['Blocks to check', count(q.check)],
    ['Blocks to write', count(q.write)],
    ['Written, kept for connecting', count(q.kept)],
    ['Read ahead of connecting', count(q.ready)],
    ['Connected, scripts to verify', count(q.lead)],
    ['Credits for blocks on their way', [meter(credits.asked + credits.held, credits.capacity), `${mebibytes(credits.asked + credits.held)} of ${mebibytes(credits.capacity)}`]],
  ]);
  const cpu = Math.max(...process.threads.map((stage) => stage.cpu_seconds), 0.001);
  rows('threads', process.threads.map((stage) => [
    stage.count > 1 ? `${stage.stage} (${plural(stage.count, 'thread')})` : stage.stage,
    [meter(stage.cpu_seconds, cpu), stage.cpu_seconds ? seconds(stage.cpu_seconds) : '–'],
  ]));
  rows('memory', [
    ['Coins in memory', [meter(coins.memory, coins.budget), `${mebibytes(coins.memory)} of ${mebibytes(coins.budget)}`]],
    ['Changed, not written yet', count(coins.dirty)],
    ['Flush', coins.flushing ? `running, ${count(coins.written)} written` : coins.flushes ? `last took ${seconds(coins.last_flush_seconds)}` : 'none yet'],
    coins.flushes ? ['Flushes', `${count(coins.flushes)}, ${seconds(coins.flush_seconds)} in all`] : null,
    ['Coins on disk up to block', count(sync.flushed)],
    ['Memory of the process', mebibytes(process.resident)],
  ]);
  rows('disk', [
    [`Blocks (${count(disk.block_count)})`, bytes(disk.blocks)],
    ['Undo data', bytes(disk.undo)],
    ['Coins', bytes(disk.coins)],
    disk.size ? ['Free', [meter(disk.size - disk.free, disk.size), `${bytes(disk.free)} of ${bytes(disk.size)}`]] : null,
  ]);
  rows('events', [
    ['Blocks stored', `${count(events.blocks_stored)}, ${bytes(events.bytes_stored)}`],
    ['Blocks validated', `${count(events.blocks_validated)}, ${bytes(events.bytes_validated)}`],
    ['Transactions validated', count(events.transactions_validated)],
    ['Headers received', count(events.headers_received)],
    ['Asked of a second peer, because late', count(events.hedged)],
    ['Given to others, because silent', count(events.reassigned)],
    ['Blocks refused, of no use', `${count(events.blocks_refused)}, ${count(events.blocks_ignored)}`],
    ['Connections made, failed, ended', `${count(events.connected)}, ${count(events.connect_failed)}, ${count(events.disconnected)}`],
  ]);
  el('tips').tBodies[0].replaceChildren(...status.tips.map((tip) => {
    const hash = make('td', 'mono', `${tip.hash.slice(0, 8)}…${tip.hash.slice(-16)}`);
    hash.title = tip.hash;
    return make('tr', '', make('td', 'n', count(tip.height)), hash, make('td', 'n', tip.branch ? count(tip.branch) : '–'), make('td', '', tip.status));
  }));
  const more = status.tips_in_all - status.tips.length;
  text('reorganizations', [
    more > 0 ? `${plural(more, 'more branch').replace('branchs', 'branches')}` : '',
    `${plural(events.reorganizations, 'reorganization')} since the start`
      + (events.deepest_reorganization ? `, the deepest of ${plural(events.deepest_reorganization, 'block')}` : ''),
  ].filter(Boolean).join('; '));
}

function show(status) {
  newest = status;
  const { node } = status;
  text('network', node.network);
  text('version', node.version ? `version ${node.version}` : '');
  text('uptime', node.uptime ? `up for ${seconds(node.uptime / 1000)}` : '');
  el('warnings').hidden = status.warnings.length === 0;
  if (el('warnings').textContent !== status.warnings.join('')) {
    el('warnings').replaceChildren(...status.warnings.map((warning) => make('li', '', warning)));
  }
  const names = new Map(status.peers.map((peer) => [peer.id, peer.addr]));
  hero(status);
  downloadWindow(status, names);
  peers(status);
  inside(status);
  follow(status);
}

/** Another second of the course. */
function follow(status) {
  const at = status.node.uptime / 1000;
  const { rates } = status;
  const last = course.recent.at(-1);
  if (!last || at - last[0] >= 1) {
    course.recent.push([at, rates.blocks_stored, rates.bytes_stored / 1e6, rates.blocks_validated, rates.bytes_validated / 1e6, rates.received / 1e6]);
    course.recent = course.recent.slice(-300);
    drawCourse();
  }
}

function drawCourse() {
  charts.forEach((chart) => chart.show(course[shown]));
}

function live(on, words) {
  el('live').classList.toggle('on', on);
  document.body.classList.toggle('stale', !on);
  text('live-text', words);
}

function connect() {
  source?.close();
  source = new EventSource('/watch/events');
  heard = Date.now();
  source.addEventListener('course', (event) => {
    course = JSON.parse(event.data);
    drawCourse();
  });
  source.addEventListener('status', (event) => {
    heard = Date.now();
    live(true, 'live');
    show(JSON.parse(event.data));
  });
  source.onerror = () => live(false, 'connection lost, trying again');
}

// The browser tries again by itself only while it thinks that this is worth while; a node that is starting or is stopped for
// longer is waited for all the same.
setInterval(() => {
  if (Date.now() - heard > SILENCE || source.readyState === EventSource.CLOSED) {
    live(false, 'connection lost, trying again');
    connect();
  }
}, 2000);

// The whole run is drawn from what the node remembers.
setInterval(async () => {
  if (shown !== 'run') return;
  try {
    course = await (await fetch('/watch/course')).json();
    drawCourse();
  } catch {
    // The connection is lost, which is said elsewhere.
  }
}, 10000);

for (const what of ['recent', 'run']) {
  el(`show-${what}`).addEventListener('click', () => {
    shown = what;
    for (const other of ['recent', 'run']) el(`show-${other}`).setAttribute('aria-pressed', String(other === what));
    drawCourse();
  });
}

function theme(name) {
  if (name) document.documentElement.dataset.theme = name;
  if (newest) show(newest);
  drawCourse();
}

el('theme').addEventListener('click', () => {
  const now = document.documentElement.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
  const next = now === 'dark' ? 'light' : 'dark';
  try { localStorage.setItem('theme', next); } catch { /* A browser that keeps nothing forgets it. */ }
  theme(next);
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => theme());
try { theme(localStorage.getItem('theme')); } catch { theme(); }
connect();
