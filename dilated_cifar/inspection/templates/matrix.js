"use strict";

// One layer along one axis: the convolution as a matrix C, and the transposed convolution in steps.

const MOST_DRAWN = 160; // outputs and pixels, beyond which a cell is too small to be seen

const zeros = (count) => `${count} zero${count === 1 ? "" : "s"}`;

function matrixLayer() {
  const select = element("matrix-layer"), chosen = Math.max(0, Math.min(select.selectedIndex, state.layers.length - 1));
  if (select.options.length !== state.layers.length) {
    select.replaceChildren(...state.layers.map((_, index) => new Option(`layer ${index + 1}`)));
  }
  select.selectedIndex = chosen;
  const sizes = stackSizes(state.size, state.layers)[chosen];
  return { layer: state.layers[chosen], ...sizes };
}

// Which pixel each tap of each output reads; padding is left out.
function taps({ kernel, rate, stride, padding }, before, after) {
  const found = [];
  for (let output = 0; output < after; output++) {
    for (let tap = 0; tap < kernel; tap++) {
      const pixel = output * stride - padding + tap * rate;
      if (pixel >= 0 && pixel < before) found.push([output, pixel]);
    }
  }
  return found;
}

function showMatrix() {
  const { layer, before, after, back } = matrixLayer();
  element("steps").hidden = after === null;
  if (after === null) return;
  const weights = countTaps(layer, before, after), number = (value) => value.toLocaleString("en");
  element("matrix-caption").textContent =
    `The matrix C along one axis: a row an output, a column a pixel, ${after}\u00d7${before}. On the square, for one ` +
    `channel, it is ${number(after ** 2)}\u00d7${number(before ** 2)} with ${number(weights ** 2)} weights; the ` +
    `transposed convolution multiplies by C\u1d40, ${number(before ** 2)}\u00d7${number(after ** 2)}.`;
  drawMatrix(layer, before, after);
  const between = (after - 1) * layer.stride + 1, around = layer.rate * (layer.kernel - 1) - layer.padding;
  element("transposed-caption").textContent = "The transposed convolution of this layer, along one axis, in steps";
  drawSteps(layer, after, between, around, back ?? 0);
}

function drawMatrix(layer, before, after) {
  const canvas = element("matrix"), wide = canvas.clientWidth;
  canvas.hidden = Math.max(before, after) > MOST_DRAWN;
  if (canvas.hidden) return;
  const cell = Math.min(wide / before, 380 / after), { context } = prepare(canvas, cell * after), gap = cell > 5 ? 1 : 0;
  context.fillStyle = variable("--line");
  context.globalAlpha = 0.4;
  context.fillRect(0, 0, cell * before, cell * after);
  context.globalAlpha = 1;
  context.fillStyle = variable("--accent");
  const read = taps(layer, before, after);
  for (const [output, pixel] of read) context.fillRect(pixel * cell, output * cell, cell - gap, cell - gap);
  canvas.ariaLabel = `matrix of ${after} rows and ${before} columns with ${read.length} weights`;
}

function drawSteps({ stride, kernel, rate }, source, between, around, result) {
  const canvas = element("transposed"), longest = Math.max(between + 2 * Math.max(around, 0), result);
  canvas.hidden = longest > MOST_DRAWN;
  if (canvas.hidden) return;
  const line = 56, { context, width } = prepare(canvas, 4 * line), cell = Math.min(width / longest, 26), gap = cell > 4 ? 1 : 0.3;
  const fills = { value: variable("--accent"), between: variable("--line"), around: hatching(context) }, text = variable("--text");
  const draw = (row, said, length, kindOf) => {
    const left = (width - length * cell) / 2;
    context.fillStyle = text;
    context.fillText(said, width / 2, row * line + 12);
    for (let place = 0; place < length; place++) {
      context.fillStyle = fills[kindOf(place)];
      context.fillRect(left + place * cell, row * line + 24, cell - gap, 24);
    }
  };
  const spread = (place) => (place % stride ? "between" : "value"), wide = between + 2 * around;
  font(context, 13);
  draw(0, `${source} values`, source, () => "value");
  draw(1, `${zeros(stride - 1)} between two values: ${between}`, between, spread);
  draw(2, around < 0 ? `${-around} cut away on either side: ${wide}` : `${zeros(around)} on either side: ${wide}`, wide, (place) => {
    const inner = place - around;
    return inner < 0 || inner >= between ? "around" : spread(inner);
  });
  draw(3, result ? `convolved with the turned kernel at stride 1: ${result}` : "nothing is left", result, () => "value");
  canvas.ariaLabel = `${source} values, ${between} with zeros between, ${wide} with zeros around, ` +
    `${result} after a kernel of ${kernel} at rate ${rate}`;
}

listeners.push(showMatrix);
element("matrix-layer").addEventListener("change", showMatrix);
document.addEventListener("theme", showMatrix);
new ResizeObserver(showMatrix).observe(document.querySelector(".steps"));
