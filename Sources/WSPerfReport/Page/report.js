"use strict";
// Draws the report from the data in the page. Uses no library and makes no request.
const data = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";
const COLORS = [0, 1, 2, 3, 4, 5].map((number) => `var(--c${number})`);

// ---- Texts

const grouped = (value) => Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ",");
const digits = (value, count) => {
  if (value === 0) return "0";
  const places = Math.max(0, count - 1 - Math.floor(Math.log10(Math.abs(value))));
  return value >= 1000 ? grouped(value) : value.toFixed(Math.min(places, 4)).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
};
const time = (milliseconds) =>
  milliseconds === 0 ? "0" : milliseconds >= 1000 ? digits(milliseconds / 1000, 4) + " s"
    : milliseconds >= 1 ? digits(milliseconds, 4) + " ms" : digits(milliseconds * 1000, 4) + " µs";
const count = (value) => (value >= 1e6 ? digits(value / 1e6, 3) + " M" : value >= 1e4 ? digits(value / 1e3, 3) + " k" : digits(value, 4));
const share = (value) => digits(value * 100, 3) + " %";
const clock = (seconds) => {
  const two = (value) => String(Math.floor(value)).padStart(2, "0");
  return seconds >= 3600 ? `${Math.floor(seconds / 3600)}:${two((seconds % 3600) / 60)}:${two(seconds % 60)}`
    : `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
};

// Not Math.max(...values), which fails for the values of a long run.
const largest = (values, least) => values.reduce((most, value) => (value > most ? value : most), least);
const smallest = (values) => values.reduce((least, value) => (value < least ? value : least), Infinity);

// ---- Elements

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}
function svg(name, attributes = {}, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}
function table(head, rows, caption) {
  const body = element("tbody");
  for (const row of rows) body.append(element("tr", {}, ...row.map((cell) => element("td", {}, String(cell)))));
  const node = element("table", {}, element("thead", {}, element("tr", {}, ...head.map((cell) => element("th", { scope: "col" }, cell)))), body);
  if (caption) node.prepend(element("caption", { class: "soft" }, caption));
  return element("div", { class: "scroll" }, node);
}

// ---- Scales

function linear(low, high, from, to) {
  const span = high - low || 1;
  const scale = (value) => from + ((value - low) / span) * (to - from);
  const step = Math.pow(10, Math.floor(Math.log10(span / 4 || 1)));
  const unit = [1, 2, 5, 10].map((factor) => factor * step).find((one) => span / one <= 6) || step * 10;
  scale.ticks = [];
  for (let tick = Math.ceil(low / unit) * unit; tick <= high + unit / 1e6; tick += unit) scale.ticks.push(tick);
  return scale;
}
function logarithmic(low, high, from, to) {
  const [a, b] = [Math.log10(low), Math.log10(high > low ? high : low * 10)];
  const scale = (value) => from + ((Math.log10(Math.max(value, low)) - a) / (b - a)) * (to - from);
  scale.ticks = [];
  for (let power = Math.floor(a); power <= Math.ceil(b); power++) {
    for (const factor of b - a < 1.5 ? [1, 2, 5] : [1]) {
      const tick = factor * Math.pow(10, power);
      if (tick >= low * 0.999 && tick <= high * 1.001) scale.ticks.push(tick);
    }
  }
  return scale;
}

// ---- Charts over time. All show the same time, and dragging over one zooms all.

const rows = data.timeline;
const end = rows.length ? rows[rows.length - 1].second + rows[rows.length - 1].width : 1;
let view = [0, end];
const timeCharts = [];
function zoom(from, to) {
  view = to - from < 2 ? [0, end] : [Math.max(0, from), Math.min(end, to)];
  for (const draw of timeCharts) draw();
  document.getElementById("reset").hidden = view[0] === 0 && view[1] === end;
}

function frame(section, label) {
  const chart = element("div", { class: "chart", tabindex: "0", role: "img", "aria-label": label });
  section.append(chart);
  return chart;
}
function legend(section, series) {
  const node = element("div", { class: "legend" });
  for (const one of series) {
    const mark = element("i");
    mark.style.background = one.color;
    node.append(element("span", {}, mark, one.name));
  }
  section.append(node);
}

const LEFT = 58, RIGHT = 10, TOP = 8, BOTTOM = 22, HEIGHT = 220;

// `series`: name, color, value(row) or null for a gap. `options`: format, log, max, area.
function timeChart(id, series, options) {
  const section = document.getElementById(id);
  const present = series.filter((one) => rows.some((row) => one.value(row) > 0));
  if (!rows.length || !present.length) {
    section.append(element("p", { class: "soft" }, "nothing was measured"));
    return;
  }
  legend(section, present);
  const chart = frame(section, section.querySelector("h2").textContent + ", a chart over time; the table below has its values");
  const tip = element("div", { class: "tip", hidden: "" });
  let cursor = null, drag = null, mark = null, x = null, shown = [];
  function draw() {
    const width = Math.max(240, chart.clientWidth);
    const root = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, height: HEIGHT, "aria-hidden": "true" });
    shown = rows.filter((row) => row.second + row.width > view[0] && row.second < view[1]);
    const values = shown.flatMap((row) => present.map((one) => one.value(row))).filter((value) => value !== null);
    const positive = values.filter((value) => value > 0);
    const high = options.max || largest(positive, 0) || 1;
    x = linear(view[0], view[1], LEFT, width - RIGHT);
    const y = options.log
      ? logarithmic(smallest(positive), high, HEIGHT - BOTTOM, TOP)
      : linear(0, high * 1.05, HEIGHT - BOTTOM, TOP);
    for (const tick of y.ticks) {
      root.append(svg("line", { x1: LEFT, x2: width - RIGHT, y1: y(tick), y2: y(tick), stroke: "var(--line)", "stroke-width": 0.6 }));
      root.append(svg("text", { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }, options.format(tick)));
    }
    for (const tick of x.ticks.filter((tick) => tick === Math.round(tick))) {
      root.append(svg("text", { x: x(tick), y: HEIGHT - 6, "text-anchor": "middle" }, clock(tick)));
    }
    for (const one of present) {
      let path = "", isOpen = false;
      for (const row of shown) {
        const value = one.value(row);
        if (value === null || (options.log && value <= 0)) {
          isOpen = false;
          continue;
        }
        path += `${isOpen ? "L" : "M"}${x(row.second + row.width / 2).toFixed(1)} ${y(value).toFixed(1)}`;
        // A lone value is a dot.
        if (!isOpen) path += "h0.01";
        isOpen = true;
      }
      root.append(svg("path", {
        d: path, fill: "none", stroke: one.color, "stroke-width": one.width || 1.8, "stroke-linejoin": "round",
        "stroke-linecap": "round", "stroke-opacity": one.width ? 0.4 : 1,
      }));
    }
    mark = svg("line", { y1: TOP, y2: HEIGHT - BOTTOM, stroke: "var(--soft)", "stroke-dasharray": "3 3", visibility: "hidden" });
    root.append(mark);
    chart.replaceChildren(root, tip);
    point(cursor);
  }
  function point(index) {
    cursor = index === null || !shown.length ? null : Math.max(0, Math.min(shown.length - 1, index));
    tip.hidden = cursor === null;
    mark.setAttribute("visibility", cursor === null ? "hidden" : "visible");
    if (cursor === null) return;
    const row = shown[cursor];
    const place = x(row.second + row.width / 2);
    mark.setAttribute("x1", place);
    mark.setAttribute("x2", place);
    tip.textContent = clock(row.second) + "\n" + present.map((one) => {
      const value = one.value(row);
      return `${one.name}: ${value === null ? "–" : options.format(value)}`;
    }).join("\n");
    tip.style.top = "8px";
    tip.style.left = place < chart.clientWidth / 2 ? `${place + 12}px` : "";
    tip.style.right = place < chart.clientWidth / 2 ? "" : `${chart.clientWidth - place + 12}px`;
  }
  const secondAt = (event) => {
    const box = chart.getBoundingClientRect();
    const inner = (event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT);
    return view[0] + Math.max(0, Math.min(1, inner)) * (view[1] - view[0]);
  };
  const indexAt = (event) => shown.findIndex((row) => row.second + row.width > secondAt(event));
  chart.addEventListener("pointermove", (event) => point(indexAt(event) < 0 ? shown.length - 1 : indexAt(event)));
  chart.addEventListener("pointerleave", () => point(null));
  chart.addEventListener("pointerdown", (event) => { drag = secondAt(event); });
  chart.addEventListener("pointerup", (event) => {
    const to = secondAt(event);
    if (drag !== null && Math.abs(to - drag) > (view[1] - view[0]) / 50) zoom(Math.min(drag, to), Math.max(drag, to));
    drag = null;
  });
  chart.addEventListener("dblclick", () => zoom(0, end));
  chart.addEventListener("keydown", (event) => {
    const span = view[1] - view[0];
    const middle = cursor === null ? (view[0] + view[1]) / 2 : shown[cursor].second;
    if (event.key === "ArrowRight") point(cursor === null ? 0 : cursor + 1);
    else if (event.key === "ArrowLeft") point(cursor === null ? shown.length - 1 : cursor - 1);
    else if (event.key === "+") zoom(middle - span / 4, middle + span / 4);
    else if (event.key === "-") zoom(middle - span, middle + span);
    else if (event.key === "Escape") { point(null); zoom(0, end); } else return;
    event.preventDefault();
  });
  chart.addEventListener("blur", () => point(null));
  timeCharts.push(draw);
  draw();
  valuesTable(section, present, options);
}

// The table behind a chart, made when it is opened.
function valuesTable(section, series, options) {
  const details = element("details", {}, element("summary", {}, "Values"));
  details.addEventListener("toggle", () => {
    if (!details.open || details.childElementCount > 1) return;
    details.append(table(["time", ...series.map((one) => one.name)], rows.map((row) => [
      clock(row.second), ...series.map((one) => (one.value(row) === null ? "–" : options.format(one.value(row)))),
    ])));
  });
  section.append(details);
}

// ---- Other charts

// Percentiles on an axis that gives each nine the same width.
function distributionChart(id, series) {
  const section = document.getElementById(id);
  const present = series.filter((one) => one.points.length);
  if (!present.length) {
    section.append(element("p", { class: "soft" }, "nothing was measured"));
    return;
  }
  legend(section, present);
  const chart = frame(section, "Percentile distribution; the table below has its values");
  const nines = (percentile) => -Math.log10(1 - percentile / 100);
  const last = largest(present.map((one) => nines(one.points[one.points.length - 1][0])), 2);
  function draw() {
    const width = Math.max(240, chart.clientWidth);
    const root = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, height: HEIGHT, "aria-hidden": "true" });
    const x = linear(0, last, LEFT, width - RIGHT);
    const values = present.flatMap((one) => one.points.map((point) => point[1])).filter((value) => value > 0);
    const y = logarithmic(smallest(values), largest(values, 0), HEIGHT - BOTTOM, TOP);
    for (const tick of y.ticks) {
      root.append(svg("line", { x1: LEFT, x2: width - RIGHT, y1: y(tick), y2: y(tick), stroke: "var(--line)", "stroke-width": 0.6 }));
      root.append(svg("text", { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }, time(tick)));
    }
    for (const percentile of [50, 90, 99, 99.9, 99.99, 99.999].filter((one) => nines(one) <= last + 0.01)) {
      const place = x(nines(percentile));
      root.append(svg("line", { x1: place, x2: place, y1: TOP, y2: HEIGHT - BOTTOM, stroke: "var(--line)", "stroke-width": 0.6 }));
      root.append(svg("text", { x: place, y: HEIGHT - 6, "text-anchor": "middle" }, percentile + " %"));
    }
    for (const one of present) {
      const path = one.points.map(([percentile, value], index) =>
        `${index ? "L" : "M"}${x(nines(percentile)).toFixed(1)} ${y(value).toFixed(1)}`).join("");
      root.append(svg("path", { d: path, fill: "none", stroke: one.color, "stroke-width": 1.8 }));
    }
    chart.replaceChildren(root);
  }
  timeCharts.push(draw);
  draw();
  const details = element("details", {}, element("summary", {}, "Values"));
  const names = [...new Set(present.flatMap((one) => one.points.map((point) => point[0])))].sort((a, b) => a - b);
  details.append(table(["percentile", ...present.map((one) => one.name)], names.map((name) => [
    name + " %", ...present.map((one) => {
      const found = one.points.find((point) => point[0] === name);
      return found ? time(found[1]) : "–";
    }),
  ])));
  section.append(details);
}

// A column for each entry of the timeline, a row for each cell; darker means more replies.
function heatMap(id) {
  const section = document.getElementById(id);
  const used = rows.filter((row) => row.cells.length);
  if (!used.length) {
    section.append(element("p", { class: "soft" }, "nothing was measured"));
    return;
  }
  const first = smallest(used.map((row) => row.cells.findIndex((value) => value > 0)));
  const last = largest(used.map((row) => row.cells.length - 1), 0);
  const start = (cell) => data.cells.start * Math.pow(2, cell / data.cells.per_doubling);
  const chart = frame(section, "Heat map of response times over time; the charts above have the percentiles");
  function draw() {
    const width = Math.max(240, chart.clientWidth), ratio = window.devicePixelRatio || 1;
    const canvas = element("canvas", { width: Math.round(width * ratio), height: Math.round(HEIGHT * ratio), "aria-hidden": "true" });
    canvas.style.height = `${HEIGHT}px`;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    const x = linear(view[0], view[1], LEFT, width - RIGHT);
    const y = linear(first, last + 1, HEIGHT - BOTTOM, TOP);
    const shown = rows.filter((row) => row.second + row.width > view[0] && row.second < view[1]);
    const most = largest(shown.map((row) => largest(row.cells, 0) / row.width), 1);
    pen.fillStyle = style.getPropertyValue("--c0").trim();
    for (const row of shown) {
      const [left, right] = [Math.max(LEFT, x(row.second)), Math.min(width - RIGHT, x(row.second + row.width))];
      row.cells.forEach((value, cell) => {
        if (!value) return;
        // Rare replies must be visible too.
        pen.globalAlpha = 0.15 + 0.85 * (Math.log1p(value / row.width) / Math.log1p(most));
        pen.fillRect(left, y(cell + 1), Math.max(0.6, right - left), Math.max(1, y(cell) - y(cell + 1)));
      });
    }
    pen.globalAlpha = 1;
    pen.fillStyle = style.getPropertyValue("--soft").trim();
    pen.font = "11px sans-serif";
    pen.textAlign = "end";
    const scale = logarithmic(start(first), start(last + 1), HEIGHT - BOTTOM, TOP);
    for (const tick of scale.ticks) pen.fillText(time(tick), LEFT - 6, scale(tick) + 4);
    pen.textAlign = "center";
    for (const tick of x.ticks.filter((tick) => tick === Math.round(tick))) pen.fillText(clock(tick), x(tick), HEIGHT - 6);
    chart.replaceChildren(canvas);
  }
  timeCharts.push(draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
}

// ---- The page

const response = (index) => (row) => (row.response ? row.response[index] : null);
const perSecond = (key) => (row) => row[key] / row.width;
timeChart("response-over-time", [
  { name: "p50", color: COLORS[0], value: response(0) }, { name: "p90", color: COLORS[2], value: response(1) },
  { name: "p99", color: COLORS[1], value: response(2) }, { name: "p99.9", color: COLORS[3], value: response(3) },
  { name: "max", color: COLORS[4], value: response(4) },
], { format: time, log: true });
timeChart("throughput", [
  { name: "offered", color: COLORS[5], width: 5, value: (row) => (row.sent + row.unsent) / row.width },
  { name: "sent", color: COLORS[0], value: perSecond("sent") },
  { name: "received", color: COLORS[2], value: perSecond("received") },
  { name: "unsent", color: COLORS[4], value: perSecond("unsent") },
], { format: (value) => count(value) });
timeChart("connections", [
  { name: "open", color: COLORS[0], value: (row) => row.open },
  { name: "opened per second", color: COLORS[2], value: perSecond("opened") },
  { name: "failed per second", color: COLORS[4], value: perSecond("errors") },
], { format: (value) => count(value) });
const kinds = [...new Set(rows.flatMap((row) => Object.keys(row.outcomes)))]
  .filter((name) => name !== "succeeded" && name !== "aborted")
  .map((name) => ({ name, total: rows.reduce((sum, row) => sum + (row.outcomes[name] || 0), 0) }))
  .sort((a, b) => b.total - a.total).slice(0, 6);
timeChart("errors", kinds.map(({ name }, index) => (
  { name, color: COLORS[index], value: (row) => (row.outcomes[name] || 0) / row.width }
)), { format: (value) => count(value) });
timeChart("generator-over-time", [
  { name: "send lag p99", color: COLORS[1], value: (row) => row.send_lag },
  { name: "handshake response p99", color: COLORS[3], value: (row) => row.handshake },
], { format: time, log: true });
timeChart("utilisation", [
  { name: "loops busy", color: COLORS[0], value: (row) => row.busy },
], { format: share, max: 1 });
distributionChart("distribution", [
  { name: "response", color: COLORS[1], points: data.distributions.response },
  { name: "service", color: COLORS[0], points: data.distributions.service },
]);
heatMap("heat");

document.getElementById("reset").addEventListener("click", () => zoom(0, end));
const theme = document.getElementById("theme");
theme.hidden = false;
theme.addEventListener("click", () => {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  for (const draw of timeCharts) draw();
});
let timer = null;
addEventListener("resize", () => {
  clearTimeout(timer);
  timer = setTimeout(() => { for (const draw of timeCharts) draw(); }, 100);
});
addEventListener("beforeprint", () => { for (const draw of timeCharts) draw(); });
document.documentElement.dataset.drawn = "true";
