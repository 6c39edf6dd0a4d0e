"use strict";

// Layers as controls, and beside them all that the theory says about them. The state is a list of layers
// { kernel, rate, stride, padding }, the input size and how the padding is chosen; the address holds it all.

const LIMITS = page.limits;
const FIELDS = {
  kernel: { least: 1, most: LIMITS.size }, rate: { least: 1, most: LIMITS.size },
  stride: { least: 1, most: LIMITS.size }, padding: { least: 0, most: LIMITS.size },
};
const NEW_LAYER = { kernel: 3, rate: 1, stride: 1, padding: 0 };
const SEARCH_AT_ONCE = 3e6; // additions that no hand on a control notices
const listeners = []; // what else is to be shown of the layers, see matrix.js

let state = fromHash(page.lists[0]);
let shown = {}; // what is on the page now, for the cursors

const column = (name) => state.layers.map((layer) => layer[name]);
const percent = (share) => {
  // Python rounds exact halves to even; and only all is 100%.
  const tenths = 1000 * share, below = Math.floor(tenths), rest = tenths - below;
  const rounded = below + (rest > 0.5 || (rest === 0.5 && below % 2) ? 1 : 0);
  const kept = share > 1e-9 && share < 1 - 1e-9 ? Math.min(Math.max(rounded, 1), 999) : rounded;
  return `${(kept / 10).toFixed(1)}%`;
};

function samePadding({ kernel, rate }) {
  return Math.floor((rate * (kernel - 1)) / 2); // an even span has no middle; half a pixel is left out
}

function applyPadding() {
  if (state.mode === "own") return;
  for (const layer of state.layers) layer.padding = state.mode === "same" ? samePadding(layer) : 0;
}

// Read `rates=1,2,5&kernels=3&strides=1&padding=same&size=32`; one number stands for every layer.
function fromHash(text) {
  const typed = new URLSearchParams(text);
  const numbers = (name) => (typed.get(name) ?? "").split(",").filter(Boolean).map(Number);
  const rates = numbers("rates").slice(0, LIMITS.layers);
  const padding = typed.get("padding") ?? "valid", mode = ["valid", "same"].includes(padding) ? padding : "own";
  const each = (found, layer, otherwise) => (found.length === 1 ? found[0] : found[layer]) ?? otherwise;
  const layers = rates.map((rate, layer) => ({
    rate, kernel: each(numbers("kernels"), layer, 3), stride: each(numbers("strides"), layer, 1),
    padding: mode === "own" ? each(numbers("padding"), layer, 0) : 0,
  }));
  const fine = layers.every((layer) => Object.keys(FIELDS).every((name) => fault(name, layer[name]) === null));
  if (!layers.length || !fine) return text === page.lists[0] ? { layers: [NEW_LAYER], size: 32, mode: "valid" } : fromHash(page.lists[0]);
  const size = Number(typed.get("size") ?? page.size);
  return { layers, mode, size: size >= 1 && size <= LIMITS.size && Number.isInteger(size) ? size : page.size };
}

function toHash() {
  const joined = (numbers) => (new Set(numbers).size === 1 ? numbers[0] : numbers.join(","));
  const padding = state.mode === "own" ? joined(column("padding")) : state.mode;
  return `rates=${column("rate").join(",")}&kernels=${joined(column("kernel"))}&strides=${joined(column("stride"))}` +
    `&padding=${padding}&size=${state.size}`;
}

// What is wrong with a number, or null.
function fault(name, number) {
  const { least, most } = FIELDS[name];
  return Number.isInteger(number) && number >= least && number <= most ? null : `${name}: a whole number from ${least} to ${most}`;
}

function outOfBounds() {
  const field = receptiveField(ratesAtStrideOne(column("rate"), column("stride")), column("kernel"));
  return field > LIMITS.field
    ? `These layers have a receptive field of ${field.toLocaleString("en")} pixels; up to ${LIMITS.field} are computed here. Lower a rate, a kernel or a stride, or remove a layer.`
    : null;
}

// ---- controls -------------------------------------------------------------------------------------------

function control(name, index) {
  const label = document.createElement("label"), caption = document.createElement("span"), input = document.createElement("input");
  caption.textContent = name;
  Object.assign(input, { type: "number", required: true, min: FIELDS[name].least, max: FIELDS[name].most, value: state.layers[index][name] });
  input.dataset.name = name;
  input.ariaLabel = `${name} of layer ${index + 1}`;
  input.addEventListener("input", () => {
    const number = input.value === "" ? NaN : Number(input.value);
    input.setCustomValidity(fault(name, number) ?? "");
    if (!input.validity.valid) return complain(input.validationMessage);
    state.layers[index][name] = number;
    if (name === "padding") state.mode = "own";
    update();
  });
  label.append(caption, input);
  return label;
}

function controls() {
  const list = document.querySelector("ol.layers");
  list.replaceChildren(...state.layers.map((_, index) => {
    const item = document.createElement("li"), remove = document.createElement("button");
    const sizes = ["field", "forward", "back"].map((name) => {
      const place = document.createElement("span");
      place.className = `size ${name}`;
      return place;
    });
    remove.type = "button";
    remove.className = "remove";
    remove.textContent = "\u00d7";
    remove.ariaLabel = `remove layer ${index + 1}`;
    remove.disabled = state.layers.length === 1;
    remove.addEventListener("click", () => {
      state.layers.splice(index, 1);
      controls();
      update();
      list.children[Math.min(index, state.layers.length - 1)].querySelector("[data-name=rate]").focus();
    });
    item.append(...["kernel", "rate", "stride", "padding"].map((name) => control(name, index)), ...sizes, remove);
    return item;
  }));
  element("add").disabled = state.layers.length >= LIMITS.layers;
}

function complain(text) {
  element("answer").replaceChildren(paragraph(text, "bad"));
}

function paragraph(text, className = "") {
  const made = document.createElement("p");
  made.className = className;
  made.append(text);
  return made;
}

// ---- what the layers mean -------------------------------------------------------------------------------

function update() {
  applyPadding();
  showSizes();
  history.replaceState(null, "", `#${toHash()}`);
  element("padding").value = state.mode;
  for (const listener of listeners) listener();
  const refused = outOfBounds();
  document.querySelector(".counts").hidden = Boolean(refused);
  if (refused) {
    complain(refused);
    element("rules").replaceChildren();
    return;
  }
  const rates = ratesAtStrideOne(column("rate"), column("stride")), kernels = column("kernel");
  shown = { ...judge(rates, kernels), rates, kernels };
  shown.square = square(shown.counts);
  element("strided").textContent = column("stride").some((stride) => stride > 1)
    ? `With these strides one unit of the last map reads the same pixels as one of a stack at stride 1 with rates ${listed(rates)}: count map and rules are of those.`
    : "";
  showRules();
  showAnswer();
  drawCounts();
  showCommands();
}

function showSizes() {
  const sizes = stackSizes(state.size, state.layers), items = document.querySelector("ol.layers").children;
  let [field, jump] = [1, 1];
  sizes.forEach(({ before, after, back, outputPadding }, index) => {
    const { kernel, rate, stride, padding } = state.layers[index];
    field += (kernel - 1) * rate * jump;
    jump *= stride;
    const [fieldPlace, forward, backward] = items[index].querySelectorAll(".size");
    items[index].querySelector("[data-name=padding]").value = padding;
    fieldPlace.textContent = `field ${field}`;
    const span = rate * (kernel - 1) + 1;
    forward.classList.toggle("bad", after === null);
    forward.textContent = after !== null ? `${before} \u2192 ${after}` : before === null ? "no map" : `spans ${span} of ${before + 2 * padding}`;
    backward.textContent = after === null ? "" : `back ${after} \u2192 ${back ?? "nothing"}`;
    backward.title = outputPadding ? `with output_padding=${outputPadding} it comes back to ${before}` : "";
    if (outputPadding) backward.append(` (+${outputPadding})`);
  });
}

const outcome = (holds) => (holds === null ? "n/a" : holds ? "pass" : "fail");

function showRules() {
  const distances = `M_1 to M_${shown.distances.length}: ${shown.distances.join(", ")}; `;
  element("rules").replaceChildren(...shown.rulings.flatMap(({ rule, holds, sentence }) => {
    const name = document.createElement("dt"), said = document.createElement("dd"), verdict = document.createElement("strong");
    name.textContent = rule;
    verdict.className = holds === null ? "" : holds ? "good" : "bad";
    verdict.textContent = outcome(holds);
    said.append(verdict, ` ${rule === "published distance" && holds !== null ? distances : ""}${sentence}`);
    return [name, said];
  }));
}

function showAnswer() {
  const { field, covered, nearestHole, rates, kernels } = shown, side = `${field}\u00d7${field}`;
  if (nearestHole === null) {
    element("answer").replaceChildren(
      paragraph(`No holes: every pixel of the receptive field of ${side} pixels enters the output (100.0% covered).`, "good"),
    );
    return;
  }
  const said = `Holes: ${percent(covered)} of the receptive field of ${side} pixels is covered; the nearest hole is ${nearestHole} pixel${nearestHole <= 1 ? "" : "s"} from the centre.`;
  const nearest = paragraph("Nearest rates without holes: ");
  nearest.id = "nearest";
  element("answer").replaceChildren(paragraph(said, "bad"), nearest);
  const show = () => {
    if (!nearest.isConnected) return; // the layers have changed meanwhile
    nearest.replaceChildren("Nearest rates without holes", column("stride").some((s) => s > 1) ? ", at stride 1: " : ": ");
    nearestWithoutHoles(rates, kernels).forEach((found, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = listed(found);
      button.dataset.rates = found.join();
      button.title = "take these rates";
      button.addEventListener("click", () => take(found));
      const side = receptiveField(found, kernels);
      nearest.append(index ? " or " : "", button, ` (field ${side}\u00d7${side})`);
    });
  };
  const steps = searchSteps(rates, kernels);
  if (steps <= SEARCH_AT_ONCE) show();
  else if (tooManyStates(kernels, field)) nearest.append("not searched, with so many rates of different kernel sizes.");
  else {
    nearest.append("searching \u2026");
    setTimeout(show, 150);
  }
}

// As in the command, which refuses such lists: the search would take seconds.
function tooManyStates(kernels, field) {
  const counts = [...new Set(kernels)].map((size) => kernels.filter((kernel) => kernel === size).length);
  return counts.reduce((product, count) => product * (count + 1), 1) * field > LIMITS.search;
}

function take(rates) {
  rates.forEach((rate, index) => Object.assign(state.layers[index], { rate, stride: 1 }));
  controls();
  update();
  document.querySelector("ol.layers [data-name=rate]").focus();
}

// ---- pictures -------------------------------------------------------------------------------------------

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

// ---- commands -------------------------------------------------------------------------------------------

function showCommands() {
  const plain = (name) => (new Set(column(name)).size === 1 ? String(column(name)[0]) : `[${column(name).join(",")}]`);
  const key = (name, value, usual) => (value === usual ? "" : ` ${value.startsWith("[") ? `'${name}=${value}'` : `${name}=${value}`}`);
  const padding = state.mode === "same" && state.layers.every(({ kernel, rate }) => (rate * (kernel - 1)) % 2 === 0) ? "same" : plain("padding");
  element("explain-command").textContent = `${page.commands.explain} 'rates=[${column("rate").join(",")}]'` +
    key("kernel_size", plain("kernel"), "3") + ` size=${state.size}` + key("stride", plain("stride"), "1") + key("padding", padding, "0");
  const refusal = untrainable();
  const channels = state.layers.map((_, index) => Math.min(128, 32 * 2 ** index));
  element("train-command").textContent = refusal ??
    `${page.commands.train} model=plain 'model.dilations=[${column("rate").join(",")}]'` +
    (state.layers.length === 3 ? "" : ` 'model.channels=[${channels.join(",")}]'`) +
    key("model.kernel_size", plain("kernel"), "3") + key("model.padding", state.mode, "valid");
  document.querySelector("[data-of=train-command]").hidden = refusal !== null;
}

// Why no network of the project has these layers, or null.
function untrainable() {
  const why = (reason) => `No command trains these layers: ${reason}.`;
  if (new Set(column("kernel")).size > 1) return why("model=plain has kernels of one size");
  if (column("kernel")[0] % 2 === 0) return why("model=plain has odd kernels");
  if (column("stride").some((stride) => stride > 1)) return why("model=plain has no strides");
  if (state.mode === "own") return why("model=plain has the padding none or same");
  if (stackSizes(page.size, state.layers).at(-1).after === null) return why(`nothing is left of an image of ${page.size}x${page.size}`);
  return null;
}

// ---- start ----------------------------------------------------------------------------------------------

function setState(next) {
  state = next;
  element("size").value = state.size;
  controls();
  update();
}

function start() {
  if (location.hash.length > 1) state = fromHash(location.hash.slice(1));
  window.addEventListener("hashchange", () => setState(fromHash(location.hash.slice(1))));
  element("add").addEventListener("click", () => {
    state.layers.push({ ...state.layers.at(-1) });
    controls();
    update();
    document.querySelector("ol.layers").lastElementChild.querySelector("[data-name=rate]").focus();
  });
  element("size").addEventListener("input", (event) => {
    const size = event.target.valueAsNumber;
    if (!event.target.validity.valid) return complain(`input size: a whole number from 1 to ${LIMITS.size}`);
    state.size = size;
    update();
  });
  element("padding").addEventListener("change", (event) => {
    state.mode = event.target.value;
    update();
  });
  for (const button of document.querySelectorAll("[data-hash]")) {
    button.addEventListener("click", () => setState(fromHash(button.dataset.hash)));
  }
  for (const button of document.querySelectorAll(".copy")) {
    button.addEventListener("click", () => copy(element(button.dataset.of)));
  }
  follow(element("map"), () => ({ rows: shown.field, columns: shown.field }), sayCount);
  document.addEventListener("theme", drawCounts);
  new ResizeObserver(drawCounts).observe(document.querySelector(".counts"));
  setState(state);
}

async function copy(code) {
  // A page from a file may have no clipboard; then the text is selected, for the keyboard's own command.
  try {
    await navigator.clipboard.writeText(code.textContent);
    element("copied").textContent = "Copied.";
  } catch {
    getSelection().selectAllChildren(code);
    element("copied").textContent = "Selected: copy it with Ctrl+C or \u2318C.";
  }
}
