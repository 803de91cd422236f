(function () {
'use strict';
var $ = function (id) { return document.getElementById(id); };
var root = document.documentElement, packed = null, library = null, drawn = new Map();

/* data and library: gzip in base64, unpacked by the browser itself, once, when first needed */
function unpack(id) {
  var bytes = Uint8Array.from(atob($(id).textContent.trim()), function (c) { return c.charCodeAt(0); });
  var stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).text();
}
function data() { return packed || (packed = unpack('data').then(JSON.parse)); }
function charts() {
  return library || (library = unpack('library').then(function (text) {
    var script = document.createElement('script');
    script.textContent = text;
    document.head.appendChild(script);
    if (!window.echarts) throw new Error('the chart library did not start');
    return window.echarts;
  }));
}

/* series: a scale, then steps of whole numbers */
function series(packed) {
  var out = [], at = 0;
  for (var n = 1; n < packed.length; n++) {
    if (packed[n] === null) out.push(null); else { at += packed[n]; out.push(at / packed[0]); }
  }
  return out;
}
function ready(spec) {
  if (spec.ready) return spec;
  if (spec.kind === 'band') ['v', 'lo', 'hi'].forEach(function (k) { spec[k] = series(spec[k]); });
  if (spec.kind === 'lines') spec.lines.forEach(function (l) { l[1] = series(l[1]); });
  if (spec.kind === 'stack') { spec.bars.forEach(function (b) { b[3] = series(b[3]); }); spec.net = series(spec.net); }
  spec.ready = true;
  return spec;
}

/* pages by hash */
function parts() {
  var hash = location.hash.slice(1), cut = hash.indexOf('?');
  try { hash = decodeURIComponent(hash); } catch (e) { /* as it is */ }
  cut = hash.indexOf('?');
  return [cut < 0 ? hash : hash.slice(0, cut), new URLSearchParams(cut < 0 ? '' : hash.slice(cut + 1))];
}
function route(first) {
  var want = parts(), page = $(want[0] || 'overview');
  if (want[0] === 'main') return;
  if (!page || !page.classList.contains('page')) page = $('overview');
  document.querySelectorAll('.page.open').forEach(function (p) { p.classList.remove('open'); });
  page.classList.add('open');
  root.classList.remove('routing');
  var section = page.id.indexOf('incident') === 0 ? 'incidents' : page.id === 'health' ? 'health' : 'overview';
  document.querySelectorAll('[data-nav]').forEach(function (a) {
    if (a.dataset.nav === section) a.setAttribute('aria-current', 'page'); else a.removeAttribute('aria-current');
  });
  var h1 = page.querySelector('h1');
  document.title = 'Pulse · ' + h1.textContent.trim();
  if (page.id === 'overview') filter(want[1]);
  watch(page);
  window.scrollTo(0, 0);
  if (first !== true) $('main').focus({ preventScroll: true });
}

/* the table of segments: search, filters, sort; all of it is in the address */
var table = $('segments'), fields = { q: 'f-search', owner: 'f-owner', entity: 'f-entity', status: 'f-status' };
var rows = table ? Array.prototype.slice.call(table.tBodies[0].rows) : [];
var order = rows.slice();
function filter(from) {
  if (!table) return;
  Object.keys(fields).forEach(function (k) { $(fields[k]).value = from.get(k) || ''; });
  sortBy(from.get('sort') || '');
  apply();
}
function apply() {
  var q = $('f-search').value.trim().toLowerCase(), owner = $('f-owner').value, entity = $('f-entity').value, status = $('f-status').value, n = 0;
  rows.forEach(function (row) {
    var d = row.dataset;
    var fits = (!q || (d.name + ' ' + d.text).toLowerCase().indexOf(q) >= 0) && (!owner || d.owner === owner) && (!entity || d.entity === entity) &&
      (!status || (status === 'ok') === (d.status === 'ok' || d.status === 'snoozed'));
    row.hidden = !fits;
    n += fits ? 1 : 0;
  });
  $('f-count').textContent = n === rows.length ? n + ' segments' : n + ' of ' + rows.length + ' segments';
  $('f-none').hidden = n > 0;
}
function sortBy(text) {
  var down = text.charAt(0) === '-', name = down ? text.slice(1) : text;
  table.querySelectorAll('th[data-sort]').forEach(function (th) {
    if (th.dataset.sort === name) th.setAttribute('aria-sort', down ? 'descending' : 'ascending'); else th.removeAttribute('aria-sort');
  });
  var sorted = !name ? order : rows.slice().sort(function (a, b) {
    var x = a.dataset[name] || '', y = b.dataset[name] || '';
    if (x === '' || y === '') return (x === '') - (y === '');
    var both = isFinite(x) && isFinite(y), c = both ? x - y : x.localeCompare(y);
    return down ? -c : c;
  });
  sorted.forEach(function (row) { table.tBodies[0].appendChild(row); });
}
function keep(change) {
  var now = parts()[1];
  Object.keys(fields).forEach(function (k) { var v = $(fields[k]).value; if (v) now.set(k, v); else now.delete(k); });
  Object.keys(change || {}).forEach(function (k) { now.set(k, change[k]); });
  var text = now.toString();
  history.replaceState(null, '', '#overview' + (text ? '?' + text : ''));
}
if (table) {
  document.querySelector('.filters').hidden = false;
  Object.keys(fields).forEach(function (k) {
    $(fields[k]).addEventListener(k === 'q' ? 'input' : 'change', function () { keep(); apply(); });
  });
  table.querySelectorAll('th[data-sort]').forEach(function (th) {
    var button = document.createElement('button');
    button.type = 'button';
    while (th.firstChild) button.appendChild(th.firstChild);
    th.appendChild(button);
    button.addEventListener('click', function () {
      var name = th.dataset.sort, was = th.getAttribute('aria-sort'), words = name === 'name' || name === 'owner';
      var down = was ? was === 'ascending' : !words;
      keep({ sort: (down ? '-' : '') + name });
      sortBy((down ? '-' : '') + name);
    });
  });
}

/* theme */
var theme = $('theme'), dark = matchMedia('(prefers-color-scheme: dark)');
function isDark() { return root.dataset.theme ? root.dataset.theme === 'dark' : dark.matches; }
function nameTheme() { theme.textContent = isDark() ? 'Light' : 'Dark'; theme.setAttribute('aria-label', (isDark() ? 'Light' : 'Dark') + ' colours'); }
theme.hidden = false;
theme.addEventListener('click', function () { root.dataset.theme = isDark() ? 'light' : 'dark'; nameTheme(); redraw(); });
dark.addEventListener('change', function () { nameTheme(); redraw(); });
nameTheme();

/* SQL of evidence, and its copy button */
document.querySelectorAll('[data-sql]').forEach(function (box) {
  box.addEventListener('toggle', function () {
    if (!box.open || box.querySelector('pre')) return;
    data().then(function (all) {
      var pre = document.createElement('pre'), copy = document.createElement('button');
      pre.textContent = all.sql[box.dataset.sql];
      copy.type = 'button'; copy.className = 'copy'; copy.textContent = 'Copy';
      copy.addEventListener('click', function () { toClipboard(pre, copy); });
      box.append(pre, copy);
    });
  });
});
function toClipboard(pre, button) {
  var said = function (word) { button.textContent = word; setTimeout(function () { button.textContent = 'Copy'; }, 1600); };
  var select = function () {
    var range = document.createRange();
    range.selectNodeContents(pre);
    getSelection().removeAllRanges(); getSelection().addRange(range);
    said(document.execCommand('copy') ? 'Copied' : 'Selected');
  };
  if (navigator.clipboard) navigator.clipboard.writeText(pre.textContent).then(function () { said('Copied'); }, select); else select();
}

/* charts: drawn when they come into view */
var eye = new IntersectionObserver(function (seen) {
  seen.forEach(function (s) { if (s.isIntersecting) { eye.unobserve(s.target); draw(s.target); } });
}, { rootMargin: '200px' });
function watch(page) { page.querySelectorAll('.chart').forEach(function (c) { if (!drawn.has(c)) eye.observe(c); }); }
function draw(box) {
  return Promise.all([data(), charts()]).then(function (both) {
    var spec = both[0].charts[box.dataset.chart];
    if (!spec) { box.classList.add('none'); box.textContent = 'Nothing to draw: there are no numbers, or fewer people than may be shown.'; box.removeAttribute('role'); return; }
    if (spec.kind === 'moves') box.style.height = 70 + 44 * spec.rows.length + 'px';
    var chart = both[1].init(box, null, { renderer: 'svg' });
    drawn.set(box, [chart, spec, both[0]]);
    paint(chart, ready(spec), both[0]);
  }).catch(function () {
    box.classList.add('none');
    box.textContent = 'This browser cannot draw the chart; the tables hold its numbers.';
  });
}
function paint(chart, spec, all) { chart.setOption(KINDS[spec.kind](spec, axis(all), colours()), true); }
function redraw() { drawn.forEach(function (d) { paint(d[0], d[1], d[2]); }); }
new ResizeObserver(function () { drawn.forEach(function (d, box) { if (box.clientWidth) d[0].resize(); }); }).observe(document.body);
window.addEventListener('beforeprint', function () { drawn.forEach(function (d) { d[0].resize(); }); });

var MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
var WEEK = 'Sun Mon Tue Wed Thu Fri Sat'.split(' ');
function axis(all) {
  if (all.axis) return all.axis;
  var start = Date.parse(all.first + 'T00:00:00Z'), out = [];
  for (var n = 0; n < all.days; n++) { var d = new Date(start + n * 864e5); out.push(WEEK[d.getUTCDay()] + ' ' + d.getUTCDate() + ' ' + MONTHS[d.getUTCMonth()]); }
  return (all.axis = out);
}
function colours() {
  var css = getComputedStyle(root);
  return function (name) { return css.getPropertyValue('--' + name).trim(); };
}
function number(v, rate) {
  if (v === null || v === undefined || v === '-') return '–';
  return rate ? (v * 100).toFixed(Math.abs(v) < 0.01 && v ? 2 : 1) + ' %' : Math.abs(v) < 10 && v % 1 ? v.toFixed(1) : Math.round(v).toLocaleString('en-GB');
}
function esc(text) { return String(text).replace(/[&<>"']/g, function (c) { return '&#' + c.charCodeAt(0) + ';'; }); }
function cut(text, n) { var t = Array.from(String(text)); return t.length > n ? t.slice(0, n - 1).join('') + '…' : String(text); }
function base(c, rate, days) {
  return {
    animation: false, textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
    grid: { left: 6, right: 14, top: 30, bottom: 4, containLabel: true },
    xAxis: { type: 'category', data: days, axisTick: { show: false }, axisLine: { lineStyle: { color: c('line') } }, axisLabel: { color: c('soft'), hideOverlap: true, formatter: function (t) { return t.slice(4); } } },
    yAxis: { type: 'value', scale: true, splitNumber: 4, splitLine: { lineStyle: { color: c('grid') } }, axisLabel: { color: c('soft'), formatter: function (v) { return number(v, rate); } } },
    tooltip: { trigger: 'axis', confine: true, backgroundColor: c('card'), borderColor: c('line'), textStyle: { color: c('ink'), fontSize: 13 }, axisPointer: { lineStyle: { color: c('soft') } } },
    legend: { show: false, textStyle: { color: c('soft') }, itemWidth: 14, itemHeight: 10, top: 0, left: 0, type: 'scroll', pageIconColor: c('ink'), pageIconInactiveColor: c('line'), pageTextStyle: { color: c('soft') }, formatter: function (t) { return cut(t, 46); } }
  };
}
function tidy(step) {
  var ten = Math.pow(10, Math.floor(Math.log10(step))), part = step / ten;
  return ten * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 2.5 ? 2.5 : part <= 5 ? 5 : 10);
}
/* the axis holds every value; of the band all but its widest days, as of a start without history */
function ends(s) {
  var known = function (list) { return list.filter(function (v) { return v !== null; }).sort(function (a, b) { return a - b; }); };
  var v = known(s.v), lo = known(s.lo), hi = known(s.hi);
  if (lo.length) v = v.concat(lo[Math.floor(lo.length * 0.1)], hi[Math.ceil(hi.length * 0.9) - 1]);
  var low = Math.min.apply(null, v), high = Math.max.apply(null, v), room = (high - low) * 0.08 || Math.abs(high) * 0.1 || 1;
  return [Math.max(low - room, low >= 0 ? 0 : -Infinity), s.rate ? Math.min(high + room, 1) : high + room];
}
function areas(spans, days, colour, text, place) {
  return (spans || []).map(function (s) {
    var wide = s[0] === s[1] && s[0] > 0 ? [s[0] - 1, s[1]] : s;
    return [{ name: cut(s[2], 22), xAxis: days[wide[0]], itemStyle: { color: colour, opacity: 0.13 }, label: { color: text, position: place + (wide[1] > days.length * 0.6 ? 'Right' : 'Left'), fontSize: 11 } }, { xAxis: days[wide[1]] }];
  });
}
var KINDS = {
  band: function (s, days, c) {
    var o = base(c, s.rate, days), has = s.lo.length;
    var width = s.hi.map(function (h, n) { return h === null || s.lo[n] === null ? null : h - s.lo[n]; });
    o.tooltip.formatter = function (at) {
      var n = at[0].dataIndex, text = esc(days[n]) + '<br><b>' + number(s.v[n], s.rate) + '</b>';
      if (has && s.lo[n] !== null && s.hi[n] !== null) text += '<br>expected ' + number(s.lo[n], s.rate) + ' to ' + number(s.hi[n], s.rate);
      s.spans.concat(s.events).forEach(function (p) { if (n >= p[0] && n <= p[1]) text += '<br>' + esc(cut(p[2], 60)); });
      return text;
    };
    var range = ends(s), step = tidy((range[1] - range[0]) / 4);
    o.yAxis.min = Math.floor(range[0] / step) * step; o.yAxis.max = Math.ceil(range[1] / step) * step; o.yAxis.interval = step;
    o.series = [
      { type: 'line', data: s.lo, stack: 'b', symbol: 'none', lineStyle: { opacity: 0 }, silent: true, stackStrategy: 'all' },
      { type: 'line', data: width, stack: 'b', symbol: 'none', lineStyle: { opacity: 0 }, areaStyle: { color: c('band'), opacity: 1 }, silent: true, stackStrategy: 'all' },
      { type: 'line', data: s.v, symbol: 'circle', symbolSize: 6, showSymbol: false, lineStyle: { color: c('stroke'), width: 2 }, itemStyle: { color: c('stroke') }, z: 3, name: s.name,
        markArea: { silent: true, data: areas(s.spans, days, c('critical'), c('critical'), 'insideTop').concat(areas(s.events, days, c('soft'), c('soft'), 'insideBottom')) } }];
    return o;
  },
  stack: function (s, days, c) {
    var o = base(c, false, days), n = { gained: 0, lost: 0 };
    o.legend.show = true; o.grid.top = 40; o.yAxis.scale = false; o.yAxis.minInterval = 1;
    o.tooltip.formatter = function (at) {
      return esc(days[at[0].dataIndex]) + at.filter(function (x) { return x.value; }).map(function (x) { return '<br>' + x.marker + esc(cut(x.seriesName, 60)) + ' <b>' + (x.value > 0 ? '+' : '−') + number(Math.abs(x.value)) + '</b>'; }).join('');
    };
    o.series = s.bars.map(function (b) {
      var way = b[0] === 'gained' ? 'gain' : 'loss', colour = b[1] === 'edited' ? 'edit' : b[1] === 'rest' ? 'rest' : way + (n[b[0]]++ % 5 + 1);
      return { type: 'bar', stack: 'all', name: b[2], data: b[3].map(function (v) { return v ? (b[0] === 'gained' ? v : -v) : null; }), itemStyle: { color: c(colour) }, barCategoryGap: '20%' };
    });
    o.series.push({ type: 'line', name: 'Net', data: s.net, symbol: 'none', lineStyle: { color: c('ink'), width: 1.5 }, itemStyle: { color: c('ink') }, z: 4 });
    return o;
  },
  lines: function (s, days, c) {
    var o = base(c, s.rate, days);
    o.legend.show = s.lines.length > 1; o.grid.top = s.lines.length > 1 ? 40 : 18;
    o.yAxis.scale = !s.rate;
    o.tooltip.formatter = function (at) { return esc(days[at[0].dataIndex]) + at.map(function (x) { return '<br>' + x.marker + esc(cut(x.seriesName, 60)) + ' <b>' + number(x.value, s.rate) + '</b>'; }).join(''); };
    o.series = s.lines.map(function (l, n) {
      return { type: 'line', name: l[0], data: l[1], symbol: 'none', lineStyle: { color: c('l' + (n % 6 + 1)), width: 2, type: n % 2 ? 'dashed' : 'solid' }, itemStyle: { color: c('l' + (n % 6 + 1)) },
        markArea: n ? undefined : { silent: true, data: areas(s.spans, days, c('critical'), c('critical'), 'insideTop') } };
    });
    return o;
  },
  mix: function (s, days, c) {
    var o = base(c, true, s.rows.map(function (r) { return r[0]; })), short = function (d) { return Number(d.slice(8)) + ' ' + MONTHS[Number(d.slice(5, 7)) - 1]; };
    o.legend.show = true; o.xAxis.axisLabel.formatter = function (t) { return cut(t, 12); }; o.xAxis.axisLabel.interval = 0; o.xAxis.axisLabel.rotate = s.rows.length > 6 ? 35 : 0; o.yAxis.scale = false;
    o.tooltip.formatter = function (at) { return esc(cut(at[0].name, 60)) + at.map(function (x) { return '<br>' + x.marker + esc(x.seriesName) + ' <b>' + number(x.value, true) + '</b>'; }).join(''); };
    o.series = [{ type: 'bar', name: short(s.days[0]), data: s.rows.map(function (r) { return r[1]; }), itemStyle: { color: c('rest') } }, { type: 'bar', name: short(s.days[1]), data: s.rows.map(function (r) { return r[2]; }), itemStyle: { color: c('stroke') } }];
    return o;
  },
  moves: function (s, days, c) {
    var o = base(c, false, []), rows = s.rows.slice().reverse();
    o.yAxis = { type: 'category', data: rows.map(function (r, n) { return n + '|' + r[1]; }), axisTick: { show: false }, axisLine: { show: false }, axisLabel: { color: c('ink'), width: 170, overflow: 'truncate', formatter: function (t) { return t.slice(t.indexOf('|') + 1); } } };
    o.xAxis = { type: 'value', splitLine: { lineStyle: { color: c('grid') } }, axisLabel: { color: c('soft'), hideOverlap: true, formatter: function (v) { return number(v); } } };
    o.legend.show = true; o.tooltip.axisPointer = { type: 'none' };
    o.tooltip.formatter = function (at) { var r = rows[at[0].dataIndex]; return esc(cut(r[1], 80)) + '<br>' + esc(r[0]) + ' <b>' + number(r[2]) + '</b>, usual in a day ' + number(r[3]); };
    o.series = [{ type: 'bar', name: 'Now', data: rows.map(function (r) { return { value: r[2], itemStyle: { color: c(r[0] === 'lost' ? 'loss1' : 'gain1') } }; }), itemStyle: { color: c('loss1') }, barMaxWidth: 22 }, { type: 'bar', name: 'Usual in a day', data: rows.map(function (r) { return r[3]; }), itemStyle: { color: c('rest') }, barMaxWidth: 22 }];
    return o;
  },
  heat: function (s, days, c) {
    var o = base(c, true, []), cells = [], room = document.documentElement.clientWidth < 760 ? 14 : 30;
    s.rows.forEach(function (row, y) { row.forEach(function (v, x) { if (v !== null && x !== y) cells.push([x, y, v / 1000]); }); });
    o.grid = { left: 6, right: 14, top: 6, bottom: 4, containLabel: true };
    o.xAxis = { type: 'category', data: s.names.map(function (t, n) { return n + 1 + ''; }), axisTick: { show: false }, axisLine: { show: false }, axisLabel: { color: c('soft'), interval: 0 } };
    o.yAxis = { type: 'category', inverse: true, data: s.names.map(function (t, n) { return n + 1 + '  ' + cut(t, room); }), axisTick: { show: false }, axisLine: { show: false }, axisLabel: { color: c('ink'), interval: 0 } };
    o.tooltip.trigger = 'item';
    o.tooltip.formatter = function (p) { return '<b>' + number(p.value[2], true) + '</b> of ' + esc(cut(s.names[p.value[1]], 40)) + '<br>are in ' + esc(cut(s.names[p.value[0]], 40)); };
    o.visualMap = { show: false, min: 0, max: 1, inRange: { color: [c('code'), c('heat')] } };
    o.series = [{ type: 'heatmap', data: cells, itemStyle: { borderColor: c('bg'), borderWidth: 2 }, label: { show: true, fontSize: 11, color: c('ink'), formatter: function (p) { return Math.round(p.value[2] * 100) + '%'; } } }];
    return o;
  },
  sankey: function (s, days, c) {
    var nodes = [{ name: 'm', label: { position: s.in.length ? (s.out.length ? 'top' : 'left') : 'right', fontWeight: 600, formatter: cut(s.me, 34) }, itemStyle: { color: c('stroke') } }], links = [];
    var name = function (n) { return n === '(none)' ? 'no segment' : n; };
    s.in.forEach(function (f, n) { nodes.push({ name: 'i' + n, label: { position: 'right', formatter: cut(name(f[0]), 30) + '  ' + number(f[1]) }, itemStyle: { color: c('gain' + (n % 5 + 1)) } }); links.push({ source: 'i' + n, target: 'm', value: f[1] }); });
    s.out.forEach(function (f, n) { nodes.push({ name: 'o' + n, label: { position: 'left', formatter: cut(name(f[0]), 30) + '  ' + number(f[1]) }, itemStyle: { color: c('loss' + (n % 5 + 1)) } }); links.push({ source: 'm', target: 'o' + n, value: f[1] }); });
    return { animation: false, tooltip: { trigger: 'item', confine: true, backgroundColor: c('card'), borderColor: c('line'), textStyle: { color: c('ink') }, formatter: function (p) { return p.dataType === 'edge' ? number(p.value) + ' moves' : esc(p.name === 'm' ? s.me : ''); } },
      series: [{ type: 'sankey', left: 4, right: 4, top: 26, bottom: 10, nodeGap: 14, nodeWidth: 12, draggable: false, data: nodes, links: links, label: { color: c('ink'), fontSize: 12 }, lineStyle: { color: 'gradient', opacity: 0.32 }, emphasis: { focus: 'adjacency' } }] };
  }
};

window.addEventListener('hashchange', function () { route(false); });
route(true);
window.addEventListener('load', function () { window.scrollTo(0, 0); });
})();
