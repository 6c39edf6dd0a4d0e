"use strict";

// What the layers mean, shown beside them: sizes, rules, the answer, the nearest rates, the commands.

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
