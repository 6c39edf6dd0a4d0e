"use strict";

// Count maps in colour, and a cursor on them for pointer and keyboard; shared by rates and networks.

const page = JSON.parse(document.getElementById("data").textContent);
const element = (id) => document.getElementById(id);
const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// matplotlib's colours, 256 of six digits each, as in the pictures that the command draws.
const PACKED = page.colours.match(/../g).reduce((colours, hex, place) => {
  colours[Math.floor(place / 3)] |= parseInt(hex, 16) << (8 * (place % 3)); // little-endian, as in every browser
  return colours;
}, new Uint32Array(256).fill(0xff000000));
const LINEAR_UP_TO = 1000;

// A colour for a count: from 0 on, or by its logarithm where the largest would hide the others.
function colourScale(counts) {
  let [least, most] = [Infinity, 0];
  for (const count of counts) {
    if (count > 0 && count < least) least = count;
    if (count > most) most = count;
  }
  const logarithmic = most > Math.max(LINEAR_UP_TO, least);
  const share = (count) => logarithmic ? Math.log(count / least) / Math.log(most / least) : count / most;
  return { share };
}

// Counts [rows][columns], in one list, as a picture of a pixel each; what is never counted is transparent.
function bitmap(counts, rows, columns, scale = colourScale(counts)) {
  const made = document.createElement("canvas");
  Object.assign(made, { width: columns, height: rows });
  const context = made.getContext("2d"), picture = context.createImageData(columns, rows);
  const pixels = new Uint32Array(picture.data.buffer);
  counts.forEach((count, place) => {
    if (count > 0) pixels[place] = PACKED[Math.round(255 * scale.share(count))];
  });
  context.putImageData(picture, 0, 0);
  return made;
}

// Size a canvas to its place, sharp on every screen; returns its context in CSS pixels.
function prepare(canvas, height) {
  const width = canvas.clientWidth, ratio = window.devicePixelRatio || 1;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

// Stripes stand for what is never counted, whatever the colours around them.
function hatching(context) {
  const tile = document.createElement("canvas"), brush = tile.getContext("2d");
  tile.width = tile.height = 6;
  brush.strokeStyle = variable("--faint");
  brush.lineWidth = 1;
  brush.globalAlpha = 0.55;
  for (const shift of [-6, 0, 6]) {
    brush.beginPath();
    brush.moveTo(shift, 6);
    brush.lineTo(shift + 6, 0);
    brush.stroke();
  }
  return context.createPattern(tile, "repeat");
}

// In full up to seven digits, else with three; of branches that were averaged also a part.
function shortCount(count) {
  return count < 1e7 ? count.toLocaleString("en", { maximumFractionDigits: 2 }) : count.toExponential(2).replace("e+", "e");
}

function font(context, size) {
  context.font = `${size}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
}

// A cursor over a grid of cells: pointer and arrow keys call `say(row, column)`, leaving calls `say(null)`.
function follow(canvas, grid, say) {
  let place = null;
  const move = (row, column) => {
    const { rows, columns } = grid();
    const inside = ([row, column]) => row >= 0 && column >= 0 && row < rows && column < columns;
    if (!inside([row, column])) return;
    place = [row, column];
    say(row, column);
  };
  canvas.addEventListener("pointermove", (event) => {
    const { rows, columns } = grid();
    move(Math.floor((event.offsetY / canvas.clientHeight) * rows), Math.floor((event.offsetX / canvas.clientWidth) * columns));
  });
  canvas.addEventListener("pointerleave", () => say(null));
  canvas.addEventListener("blur", () => say(null));
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const { rows, columns, first } = grid();
    const here = place && place[0] < rows && place[1] < columns ? place : null;
    const middle = first ?? [Math.floor(rows / 2), Math.floor(columns / 2)];
    if (here) move(here[0] + step[0], here[1] + step[1]);
    else move(...middle);
  });
}
