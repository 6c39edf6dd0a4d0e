"use strict";

// The layers of a network: the receptive field of a unit on the image, and how often it counts each pixel.
// The geometry is that of the command's trace; counts are made here, where a network is a sum of paths.

const networks = page.networks;
const seen = { network: networks[0], layer: 0, unit: null };

const layerNow = () => seen.network.layers[seen.layer];

// The unit that is shown first: the inspected one of its layer, else the one in the middle.
function firstUnit({ name, shape }) {
  const { inspected } = seen.network;
  return inspected?.layer === name ? inspected.position : shape.map((side) => Math.floor(side / 2));
}

// The counts [H][W] of a unit as one list, or null where there are none.
function unitCounts(layer, unit) {
  if (layer.node !== null) return countUnit(seen.network.nodes, layer.node, unit);
  const { inspected } = seen.network;
  const here = inspected?.layer === layer.name && String(inspected.position) === String(unit);
  return here ? inspected.counts : null;
}

// First and end row and column of a unit's receptive field; it may lie outside the image, where padding is.
function fieldOf({ bounds }, unit) {
  return unit.map((place, axis) => {
    const { each, first, step } = bounds[axis];
    const [low, high] = each ? each[place] : first.map((end) => end + place * step);
    return [low, high + 1];
  });
}

const onImage = ([first, end], size) => [Math.max(0, first), Math.min(size, end)];

function showLayers() {
  const rows = seen.network.layers.map((layer, index) => {
    const label = document.createElement("label"), input = document.createElement("input");
    const [name, side, more] = ["span", "span", "small"].map((kind) => document.createElement(kind));
    Object.assign(input, { type: "radio", name: "layer", checked: index === seen.layer });
    name.textContent = layer.name;
    side.textContent = `field ${layer.field.join("\u00d7")}`;
    more.textContent = [layer.operation, layer.rate > 1 ? `rate ${layer.rate}` : "", `map ${layer.shape.join("\u00d7")}`].filter(Boolean).join(", ");
    label.append(input, name, side, more);
    input.addEventListener("change", () => choose(index));
    label.addEventListener("pointerenter", () => choose(index));
    return label;
  });
  document.querySelector(".layers-of").replaceChildren(...rows);
}

function choose(index) {
  if (index === seen.layer && seen.unit) return;
  seen.layer = index;
  document.querySelectorAll(".layers-of input")[index].checked = true;
  seen.unit = firstUnit(layerNow());
  showUnit();
}

function showUnit() {
  const layer = layerNow(), box = fieldOf(layer, seen.unit), { size } = seen.network;
  seen.counts = unitCounts(layer, seen.unit);
  const [rows, columns] = box.map((side, axis) => onImage(side, size[axis]));
  const cut = box.some(([first, end], axis) => first < 0 || end > size[axis]);
  const said = `unit (${seen.unit.join(", ")}) of ${layer.name}: field of ${layer.field.join("\u00d7")} pixels, ` +
    `rows ${rows[0]} to ${rows[1] - 1}, columns ${columns[0]} to ${columns[1] - 1}${cut ? " on the image" : ""}`;
  element("unit-said").textContent = `${said}; ${seen.counts ? coverage(rows, columns) : `not counted: ${layer.uncounted}`}`;
  drawUnits();
  drawImage();
}

function coverage([top, bottom], [left, right]) {
  const width = seen.network.size[1];
  let [counted, total] = [0, 0];
  seen.counts.forEach((count, pixel) => {
    const [y, x] = [Math.floor(pixel / width), pixel % width];
    if (count > 0 && y >= top && y < bottom && x >= left && x < right) counted += 1;
    total += count;
  });
  return `${percent(counted / ((bottom - top) * (right - left)))} of it covered, ${shortCount(total)} paths`;
}

function drawImage(cursor = null) {
  const canvas = element("image"), [height, width] = seen.network.size;
  const { context, width: wide, height: high } = prepare(canvas, (canvas.clientWidth * height) / width), cell = wide / width;
  context.imageSmoothingEnabled = false;
  context.drawImage(seen.picture, 0, 0, wide, high);
  const box = fieldOf(layerNow(), seen.unit), cut = box.some(([first, end], axis) => first < 0 || end > seen.network.size[axis]);
  const [[top, bottom], [left, right]] = box.map((side, axis) => onImage(side, seen.network.size[axis]));
  if (seen.counts) {
    context.globalAlpha = 0.78;
    context.drawImage(bitmap(seen.counts, height, width), 0, 0, wide, high);
    context.globalAlpha = 1;
  }
  // A light line on a dark one is seen on any image; dashes say that the field goes on beyond it.
  context.setLineDash(cut ? [7, 5] : []);
  for (const [colour, line] of [["#000", 5], ["#fff", 2.5]]) {
    Object.assign(context, { strokeStyle: colour, lineWidth: line });
    context.strokeRect(left * cell + 1, top * cell + 1, (right - left) * cell - 2, (bottom - top) * cell - 2);
  }
  context.setLineDash([]);
  if (cursor) {
    Object.assign(context, { strokeStyle: variable("--bad"), lineWidth: 2 });
    context.strokeRect(cursor[1] * cell, cursor[0] * cell, cell, cell);
  }
}

function drawUnits() {
  const [height, width] = layerNow().shape;
  const canvas = element("units"), { context, width: wide } = prepare(canvas, (canvas.clientWidth * height) / width), cell = wide / width;
  context.fillStyle = variable("--line");
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) context.fillRect(x * cell + 0.5, y * cell + 0.5, Math.max(cell - 1, 0.5), Math.max(cell - 1, 0.5));
  }
  const [row, column] = seen.unit;
  context.fillStyle = variable("--accent");
  context.fillRect(column * cell, row * cell, Math.max(cell, 4), Math.max(cell, 4));
}

function sayPixel(row, column) {
  if (row === null) {
    element("image-said").textContent = "";
    return drawImage();
  }
  const count = seen.counts?.[row * seen.network.size[1] + column];
  element("image-said").textContent = `row ${row}, column ${column}` + (count === undefined ? "" : `: ${shortCount(count)} path${count === 1 ? "" : "s"}`);
  drawImage([row, column]);
}

async function showNetwork(index) {
  const network = networks[index], { layers, inspected } = network, picture = new Image();
  picture.src = network.image;
  await picture.decode();
  const chosen = layers.findIndex(({ name }) => name === inspected?.layer);
  Object.assign(seen, { network, picture, layer: chosen < 0 ? layers.length - 1 : chosen, unit: null });
  element("image-caption").textContent = network.caption;
  element("network-note").textContent = network.note ?? "";
  showLayers();
  choose(seen.layer);
  const list = document.querySelector(".layers-of"), { offsetTop } = list.children[seen.layer];
  list.scrollTop = offsetTop - list.offsetTop - list.clientHeight / 2;
}

follow(element("units"), () => {
  const [rows, columns] = layerNow().shape;
  return { rows, columns, first: seen.unit };
}, (row, column) => {
  if (row === null || String(seen.unit) === String([row, column])) return;
  seen.unit = [row, column];
  showUnit();
});
follow(element("image"), () => ({ rows: seen.network.size[0], columns: seen.network.size[1] }), sayPixel);
element("network-choice")?.addEventListener("change", (event) => showNetwork(Number(event.target.value)));
const redrawNetwork = () => seen.unit && (drawUnits(), drawImage());
document.addEventListener("theme", redrawNetwork);
new ResizeObserver(redrawNetwork).observe(document.querySelector(".network"));
showNetwork(0);
