"use strict";

// Layers as controls. The state is a list of layers { kernel, rate, stride, padding }, the input size and how the
// padding is chosen; the address holds it all.

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
