"use strict";

// The count map of the layers: its row of numbers, its square in colour, and what the cursor is on.

function drawCounts() {
  if (document.querySelector(".counts").hidden) return;
  drawRow();
  drawMap();
}

function drawRow() {
  const counts = shown.square.row, most = Math.max(...counts);
  const { context, width, height } = prepare(element("row"), 96), cell = width / counts.length, top = 16;
  const never = hatching(context), [colour, text] = [variable("--accent"), variable("--text")];
  const digits = String(most).length, written = cell >= 7.5 * digits && cell >= 10;
  font(context, Math.min(12, 1.3 * (cell / digits)));
  counts.forEach((count, pixel) => {
    const bar = count ? Math.max(1.5, ((height - top) * count) / most) : 0;
    context.fillStyle = count ? colour : never;
    context.fillRect(pixel * cell, height - (bar || height - top), Math.max(cell - (cell > 4 ? 1 : 0), 0.5), bar || height - top);
    if (!written) return;
    context.fillStyle = text;
    context.fillText(String(count), (pixel + 0.5) * cell, height - bar - 8);
  });
  const missed = counts.filter((count) => count === 0).length;
  element("row").ariaLabel = `counts along one row: ${counts.length} pixels, ${missed} of them never; ` +
    (counts.length <= 60 ? shown.counts.join(" ") : `at most ${shortCount(most)}`);
}

function drawMap(cursor = null) {
  const canvas = element("map"), { context, width } = prepare(canvas, canvas.clientWidth);
  const { row, scale, bitmap } = shown.square, cell = width / row.length;
  context.fillStyle = hatching(context);
  context.fillRect(0, 0, width, width);
  context.imageSmoothingEnabled = cell < 1;
  context.drawImage(bitmap, 0, 0, width, width);
  const digits = String(row.reduce((a, b) => Math.max(a, b)) ** 2).length, size = Math.min(14, cell * 0.5, (1.5 * cell) / digits);
  font(context, size);
  for (let y = 0; y < row.length && size >= 7; y++) {
    for (let x = 0; x < row.length; x++) {
      const count = row[y] * row[x];
      context.fillStyle = scale.share(count) > 0.55 ? "#000" : "#fff";
      if (count) context.fillText(String(count), (x + 0.5) * cell, (y + 0.5) * cell);
    }
  }
  if (cursor) {
    context.strokeStyle = variable("--bad");
    context.lineWidth = 2;
    context.strokeRect(cursor[1] * cell, cursor[0] * cell, cell, cell);
  }
}

// The square of counts in colour, of a row that stands for rows and columns.
function square(counts) {
  const row = counts.map(Number), scale = colourScale(productsOf(row));
  const products = new Float64Array(row.length ** 2);
  row.forEach((down, y) => row.forEach((right, x) => { products[y * row.length + x] = down * right; }));
  return { row, scale, bitmap: bitmap(products, row.length, row.length, scale) };
}

// The distinct counts of the square, whose least and largest fix the colours.
function productsOf(row) {
  const distinct = [...new Set(row)].filter(Boolean), [least, most] = [Math.min(...distinct), Math.max(...distinct)];
  return [least * least, most * most];
}

function sayCount(row, column) {
  if (row === null) {
    element("map-said").textContent = "";
    return drawMap();
  }
  const centre = (shown.field - 1) / 2, count = shown.counts[row] * shown.counts[column];
  element("map-said").textContent =
    `${row - centre} down, ${column - centre} right of the centre: ${count.toLocaleString("en")} time${count === 1n ? "" : "s"}`;
  drawMap([row, column]);
}
