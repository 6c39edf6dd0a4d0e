"use strict";

const COLOURS = ["#3f83e0", "#e07b00", "#2ca05a", "#d9534f", "#9467d6", "#9a6b4f", "#d664b0", "#7a8794", "#a3a300",
  "#00a3b5"];
const DRAWN_AT_FIRST = 8;
const data = JSON.parse(document.getElementById("data").textContent);
const percent = (share) => `${(100 * share).toFixed(2)}%`;
const colourOf = (index) => COLOURS[index % COLOURS.length];
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

function bandTrace(group, curve, colour) {
  return {
    x: [...group.epochs, ...[...group.epochs].reverse()], y: [...curve.high, ...[...curve.low].reverse()],
    fill: "toself", fillcolor: faded(colour), line: { width: 0 }, mode: "lines", hoverinfo: "skip",
  };
}

function lineTrace(group, curve, colour, split) {
  const range = curve.low ? "<br>seeds %{customdata[0]:.4f} to %{customdata[1]:.4f}" : "<br>one run";
  return {
    x: group.epochs, y: curve.mean, name: plain(group.label), mode: group.epochs.length > 1 ? "lines" : "markers",
    line: { color: colour, width: 2, dash: split === "training" ? "dash" : "solid" }, marker: { color: colour },
    customdata: curve.low ? curve.low.map((low, index) => [low, curve.high[index]]) : undefined,
    hovertemplate: `<b>%{fullData.name}</b><br>${split}, epoch %{x}: %{y:.4f}${range}<extra></extra>`,
  };
}

function drawCurves(state) {
  const names = state.curves === "gap" ? [["gap/accuracy", "gap"]]
    : [[`${state.curves}/train_subset`, "training"], [`${state.curves}/held_out`, "held out"]];
  const bands = [], lines = [];
  state.shown((group, colour) => {
    for (const [name, split] of names) {
      const curve = group.curves[name];
      if (!curve) continue;
      if (curve.low) bands.push(bandTrace(group, curve, colour));
      lines.push(lineTrace(group, curve, colour, split));
    }
  });
  const title = state.curves === "gap" ? "training less held-out accuracy" : state.curves;
  draw(state.chart("curves"), [...bands, ...lines], { xaxis: { title: { text: "epoch" } }, yaxis: { title: { text: title } } });
}

function drawScatter(state) {
  const traces = [];
  state.shown((group, colour) => {
    const point = group.point, x = point[state.scatter];
    if (x === null) return;
    const interval = point.low === null ? plain(point.why) : `95% interval ${percent(point.low)} to ${percent(point.high)}`;
    traces.push({
      x: [x], y: [point.accuracy], mode: "markers", name: plain(group.label), marker: { color: colour, size: 11 },
      error_y: point.low === null ? undefined : {
        type: "data", symmetric: false, array: [point.high - point.accuracy], arrayminus: [point.accuracy - point.low],
        color: colour,
      },
      hovertemplate: `<b>%{fullData.name}</b><br>%{y:.2%} at %{x:.4~g}<br>${interval}<extra></extra>`,
    });
  });
  const title = state.scatter === "cost" ? "multiply-adds (millions)" : "receptive field (pixels)";
  draw(state.chart("scatter"), traces, { xaxis: { title: { text: title } }, yaxis: { tickformat: ".2~%", title: { text: "test accuracy" } } });
}

function drawClasses(state) {
  const traces = [];
  state.shown((group, colour) => {
    if (!group.classes) return;
    const rows = group.classes.accuracies;
    traces.push({
      x: rows.map((row) => plain(row.name)), y: rows.map((row) => row.mean), mode: "lines+markers", name: plain(group.label),
      line: { color: colour, width: 1.5 }, marker: { color: colour, size: 7 },
      customdata: rows.map((row) => row.low === null ? row.interval : `${percent(row.low)} to ${percent(row.high)} ${row.interval}`),
      error_y: {
        type: "data", symmetric: false, color: colour, thickness: 1, width: 3,
        array: rows.map((row) => row.high === null ? 0 : row.high - row.mean),
        arrayminus: rows.map((row) => row.low === null ? 0 : row.mean - row.low),
      },
      hovertemplate: "<b>%{fullData.name}</b><br>%{x}: %{y:.2%}<br>%{customdata}<extra></extra>",
    });
  });
  draw(state.chart("classes"), traces, { xaxis: { type: "category" }, yaxis: { tickformat: ".2~%", rangemode: "tozero" } });
}

function drawConfusion(state) {
  const place = state.chart("confusion"), groups = state.payload.groups;
  const base = groups.find((group) => group.label === state.payload.baseline);
  const one = groups[Number(state.select.value)];
  if (!one || !base || !base.classes || one.classes.names.join("\n") !== base.classes.names.join("\n")) return;
  const names = one.classes.names.map(plain);
  const z = one.classes.confusion.map((row, i) => row.map((value, j) => value - base.classes.confusion[i][j]));
  const limit = Math.max(1, ...z.flat().map(Math.abs));
  const trace = {
    z, x: names, y: names, type: "heatmap", zmin: -limit, zmax: limit,
    colorscale: [[0, "#d9534f"], [0.5, variable("--panel")], [1, "#3f83e0"]], xgap: 1, ygap: 1,
    colorbar: { thickness: 12, title: { text: "points", side: "right" } },
    hovertemplate: "%{y} taken for %{x}: %{z:+.1f} points<extra></extra>",
  };
  draw(place, [trace], {
    xaxis: { type: "category", title: { text: "predicted" } },
    yaxis: { type: "category", autorange: "reversed", title: { text: "true", standoff: 12 } },
  });
}

function makeLegend(state) {
  const legend = state.element.querySelector(".legend");
  state.payload.groups.forEach((group, index) => {
    const button = document.createElement("button"), dot = document.createElement("i");
    dot.style.background = colourOf(index);
    button.type = "button";
    button.append(dot, group.label);
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
    for (const button of choices.children) {
      button.addEventListener("click", () => {
        for (const other of choices.children) other.setAttribute("aria-pressed", String(other === button));
        state[choices.dataset.choices] = button.dataset.value;
        drawGroups(state);
      });
    }
  }
  state.payload.groups.forEach((group, index) => {
    if (group.label !== state.payload.baseline && group.classes) state.select.add(new Option(group.label, index));
  });
  const best = [...state.select.options].map((option) => Number(option.value))
    .sort((a, b) => state.payload.groups[b].point.accuracy - state.payload.groups[a].point.accuracy)[0];
  if (best === undefined) {
    state.select.parentElement.replaceWith("There is no second group with predictions.");
    state.chart("confusion").remove();
    return;
  }
  state.select.value = String(best);
  state.select.addEventListener("change", () => drawConfusion(state));
}

function drawGroups(state) {
  drawCurves(state);
  drawScatter(state);
  drawClasses(state);
}

function drawAll(state) {
  drawGroups(state);
  if (state.chart("confusion")) drawConfusion(state);
}

function start(element) {
  const payload = data.sections[Number(element.dataset.index)];
  if (!payload) return null;
  // The baseline first, then by accuracy.
  const rank = (group) => group.label === payload.baseline ? 2 : group.point.accuracy;
  const ranked = payload.groups.map((group, index) => index).sort((a, b) => rank(payload.groups[b]) - rank(payload.groups[a]));
  const state = {
    element, payload, curves: "loss", scatter: "cost", hidden: new Set(ranked.slice(DRAWN_AT_FIRST)),
    select: element.querySelector(".confusion"), chart: (name) => element.querySelector(`[data-chart="${name}"]`),
    shown: (visit) => payload.groups.forEach((group, index) => state.hidden.has(index) || visit(group, colourOf(index))),
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

function pointAtMap(image) {
  const counts = data.maps[Number(image.dataset.map)].counts;
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
document.querySelectorAll("img[data-map]").forEach(pointAtMap);
const states = [...document.querySelectorAll("section.setting")].map(start).filter(Boolean);
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const redraw = () => states.forEach(drawAll);
dark.addEventListener("change", redraw);
document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement, now = root.dataset.theme ?? (dark.matches ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
  redraw();
});
