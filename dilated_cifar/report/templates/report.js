"use strict";

const GLYPHS = { circle: "\u25cf", square: "\u25a0", diamond: "\u25c6" };
const data = JSON.parse(document.getElementById("data").textContent);
const faded = (colour) => colour + "28";
const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const narrow = () => window.innerWidth < 760;
// Plotly reads a little HTML in names and hover texts; a label is a user's text.
const plain = (label) => label.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function layout(more) {
  const axis = { gridcolor: variable("--line"), zerolinecolor: variable("--line"), automargin: true };
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, hovermode: "closest",
    font: { color: variable("--text"), family: "system-ui, sans-serif", size: narrow() ? 11 : 13 },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: variable("--faint"), activecolor: variable("--accent") },
    margin: { l: 50, r: 10, t: 10, b: 45 },
    // On a phone a finger on a chart must still scroll the page.
    dragmode: narrow() ? false : "zoom",
    ...more, xaxis: { ...axis, ...more.xaxis }, yaxis: { ...axis, ...more.yaxis },
  };
}

function draw(place, traces, more) {
  const buttons = [["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]];
  const bar = { displaylogo: false, displayModeBar: narrow() ? false : "hover", modeBarButtons: buttons };
  Plotly.react(place, traces, layout(more), { responsive: true, ...bar });
}

function bandTrace(series, colour) {
  return {
    x: [...series.x, ...[...series.x].reverse()], y: [...series.high, ...[...series.low].reverse()],
    fill: "toself", fillcolor: faded(colour), line: { width: 0 }, mode: "lines", hoverinfo: "skip",
  };
}

function curveTrace(chart, series, label, colour, symbol) {
  const several = series.low.length > 0;
  const range = several ? `<br>runs %{customdata[0]}${chart.unit} to %{customdata[1]}${chart.unit}` : "<br>one run";
  return {
    x: series.x, y: series.y, name: plain(label),
    // Where colours come again, marks tell the curves apart.
    mode: series.x.length === 1 ? "markers" : symbol === "circle" ? "lines" : "lines+markers",
    line: { color: colour, width: 2, dash: series.dashed ? "dash" : "solid" },
    marker: { color: colour, symbol, size: 8, maxdisplayed: 10 },
    customdata: several ? series.low.map((low, index) => [low, series.high[index]]) : undefined,
    hovertemplate: `<b>%{fullData.name}</b><br>${series.name}, ${chart.x} %{x}: %{y}${chart.unit}${range}<extra></extra>`,
  };
}

function pointsTrace(chart, series, label, colour, symbol) {
  const bar = (end, sign) => end.map((value, index) => value === null ? 0 : sign * (value - series.y[index]));
  return {
    x: series.x.map((x) => typeof x === "string" ? plain(x) : x), y: series.y, name: plain(label),
    mode: series.x.length > 1 ? "lines+markers" : "markers", line: { color: colour, width: 1.5 },
    marker: { color: colour, symbol, size: series.x.length > 1 ? 7 : 11 }, customdata: series.notes.map(plain),
    error_y: {
      type: "data", symmetric: false, array: bar(series.high, 1), arrayminus: bar(series.low, -1), color: colour,
      thickness: 1.5, width: 3,
    },
    hovertemplate: `<b>%{fullData.name}</b><br>%{x}: %{y:.2f}${chart.unit}<br>%{customdata}<extra></extra>`,
  };
}

// Epochs between two ticks: whole, and of few enough ticks.
function wholeStep(epochs) {
  const most = narrow() ? 6 : 12;
  for (let step = 1; ; step *= 10) {
    const found = [step, 2 * step, 5 * step].find((each) => epochs / each <= most);
    if (found) return found;
  }
}

function drawChart(state, name, chart) {
  const bands = [], traces = [];
  for (const series of chart.series) {
    if (state.hidden.has(series.group)) continue;
    const [label, colour, symbol] = ["labels", "colours", "marks"].map((name) => state.charts[name][series.group]);
    if (chart.bands && series.low.length) bands.push(bandTrace(series, colour));
    traces.push((chart.bands ? curveTrace : pointsTrace)(chart, series, label, colour, symbol));
  }
  const xaxis = { title: { text: chart.x }, type: chart.x ? "linear" : "category" };
  if (chart.bands) Object.assign(xaxis, { tick0: 0, dtick: wholeStep(Math.max(1, ...chart.series.flatMap(({ x }) => x))) });
  const yaxis = { title: { text: chart.y }, rangemode: chart.x ? "normal" : "tozero" };
  draw(state.place(name), [...bands, ...traces], { xaxis, yaxis });
}

function drawConfusion(state) {
  const chart = state.charts.confusion[Number(state.select.value)], names = chart.names.map(plain);
  const limit = Math.max(1, ...chart.points.flat().map(Math.abs));
  const trace = {
    z: chart.points, x: names, y: names, type: "heatmap", zmin: -limit, zmax: limit, xgap: 1, ygap: 1,
    colorscale: [[0, "#d9534f"], [0.5, variable("--panel")], [1, "#3f83e0"]],
    colorbar: { thickness: 12, title: { text: "points", side: "right" } },
    hovertemplate: "true %{y}, predicted %{x}: %{z:+.1f} points<extra></extra>",
  };
  draw(state.place("confusion"), [trace], {
    xaxis: { type: "category", title: { text: "predicted class" } },
    yaxis: { type: "category", autorange: "reversed", title: { text: "true class", standoff: 12 } },
  });
}

function makeLegend(state) {
  const legend = state.element.querySelector(".legend");
  state.charts.labels.forEach((label, index) => {
    const button = document.createElement("button"), dot = document.createElement("i");
    dot.style.color = state.charts.colours[index];
    dot.textContent = GLYPHS[state.charts.marks[index]];
    dot.ariaHidden = "true";
    button.type = "button";
    button.append(dot, label);
    button.setAttribute("aria-pressed", String(!state.hidden.has(index)));
    button.addEventListener("click", () => {
      if (!state.hidden.delete(index)) state.hidden.add(index);
      button.setAttribute("aria-pressed", String(!state.hidden.has(index)));
      drawGroups(state);
    });
    legend.append(button);
  });
}

function makeChoices(state) {
  for (const choices of state.element.querySelectorAll(".choices")) {
    [...choices.children].forEach((button, index) => button.addEventListener("click", () => {
      for (const other of choices.children) other.setAttribute("aria-pressed", String(other === button));
      state.chosen[choices.dataset.choices] = index;
      drawGroups(state);
    }));
  }
  if (state.select) state.select.addEventListener("change", () => drawConfusion(state));
}

function drawGroups(state) {
  for (const [name, index] of Object.entries(state.chosen)) drawChart(state, name, state.charts[name][index]);
  drawChart(state, "classes", state.charts.classes);
}

function drawAll(state) {
  drawGroups(state);
  if (state.select) drawConfusion(state);
}

function start(element) {
  const charts = data.sections[Number(element.dataset.index)];
  if (!charts) return null;
  const state = {
    element, charts, chosen: { curves: 0, costs: 0 }, hidden: new Set([...charts.labels.keys()].slice(data.shown_at_first)),
    select: element.querySelector(".confusion"), place: (name) => element.querySelector(`[data-chart="${name}"]`),
  };
  makeLegend(state);
  makeChoices(state);
  drawAll(state);
  return state;
}

function order(cell) {
  const value = cell.dataset.order;
  if (value === undefined) return null;
  const number = Number(value);
  return value.trim() === "" || Number.isNaN(number) ? value : number;
}

function compareOrders(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

function sortBy(table, column) {
  const headings = [...table.tHead.rows[0].cells], heading = headings[column];
  const ascending = heading.getAttribute("aria-sort") !== "ascending";
  for (const other of headings) other.setAttribute("aria-sort", "none");
  heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const rows = [...table.tBodies[0].rows].map((row) => [order(row.cells[column]), row]);
  rows.sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return ascending ? compareOrders(a, b) : compareOrders(b, a);
  });
  table.tBodies[0].append(...rows.map(([, row]) => row));
}

// Say where a table goes on; a scroll bar alone may be hidden.
function hintAtScroll(table) {
  const scroll = table.querySelector(".scroll"), hint = table.querySelector(".scrolls");
  const look = () => {
    const wide = scroll.scrollWidth > scroll.clientWidth + 1, high = scroll.scrollHeight > scroll.clientHeight + 1;
    hint.textContent = [wide ? "\u2194 scroll sideways for more columns" : "", high ? "\u2195 scroll down for more rows" : ""]
      .filter(Boolean).join(", ");
    const left = scroll.scrollWidth - scroll.clientWidth - scroll.scrollLeft;
    scroll.classList.toggle("goes-on", left > 1);
  };
  new ResizeObserver(look).observe(scroll.firstElementChild);
  new ResizeObserver(look).observe(scroll);
  scroll.addEventListener("scroll", look, { passive: true });
}

function pointAtMap(image) {
  const counts = data.maps[Number(image.dataset.map)];
  const said = image.parentElement.querySelector("output");
  image.addEventListener("pointermove", (event) => {
    const row = Math.min(counts.length - 1, Math.floor((event.offsetY / image.clientHeight) * counts.length));
    const column = Math.min(counts[0].length - 1, Math.floor((event.offsetX / image.clientWidth) * counts[0].length));
    if (row < 0 || column < 0) return;
    const [dy, dx] = [row - Math.floor(counts.length / 2), column - Math.floor(counts[0].length / 2)];
    said.textContent = `${dy} down, ${dx} right of the middle: ${counts[row][column].toLocaleString("en")} times`;
  });
  image.addEventListener("pointerleave", () => { said.textContent = ""; });
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((cell, column) =>
    cell.querySelector("button").addEventListener("click", () => sortBy(table, column)));
}
document.querySelectorAll(".table").forEach(hintAtScroll);
document.querySelectorAll("img[data-map]").forEach(pointAtMap);
const states = [...document.querySelectorAll("section.setting")].map(start).filter(Boolean);
document.addEventListener("theme", () => states.forEach(drawAll));
