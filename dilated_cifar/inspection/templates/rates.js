"use strict";

// The theory of dilated_cifar.dilation in the browser: rates.py, alternatives.py, arithmetic.py and, along one
// dimension, coverage.py. A test compares each function with its Python for random layers.

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
const listed = (numbers) => `[${numbers.join(", ")}]`;

// A layer's rate times the strides in front of it. One unit of a stack with strides reads the same pixels as
// one of a stack at stride 1 with these rates.
function ratesAtStrideOne(rates, strides) {
  let jump = 1;
  return rates.map((rate, layer) => {
    const spread = rate * jump;
    jump *= strides[layer];
    return spread;
  });
}

function receptiveField(rates, kernels) {
  return 1 + sum(rates.map((rate, layer) => (kernels[layer] - 1) * rate));
}

// How often each pixel of a row enters one output, exactly: the counts outgrow a float64, so they are BigInt.
// Squares factor into rows and columns: the count of a pixel is that of its row times that of its column.
function countRow(rates, kernels) {
  let counts = [1n];
  for (let layer = rates.length - 1; layer >= 0; layer--) {
    const [rate, kernel] = [rates[layer], kernels[layer]];
    const next = new Array(counts.length + (kernel - 1) * rate).fill(0n);
    // The sum over a window of taps is the window before it, one tap more and one tap less.
    for (let pixel = 0; pixel < next.length; pixel++) {
      const before = pixel >= rate ? next[pixel - rate] : 0n;
      const entering = pixel < counts.length ? counts[pixel] : 0n;
      const left = pixel - kernel * rate;
      next[pixel] = before + entering - (left >= 0 && left < counts.length ? counts[left] : 0n);
    }
    counts = next;
  }
  return counts;
}

// The published M_1..M_n of Wang et al. 2018, equation 2.
function hdcDistances(rates) {
  const distances = [rates.at(-1)];
  for (const rate of rates.slice(0, -1).reverse()) {
    const behind = distances[0];
    distances.unshift(Math.max(behind - 2 * rate, 2 * rate - behind, rate));
  }
  return distances;
}

const gcd = (a, b) => (b === 0 ? a : gcd(b, a % b));

// The smallest rate that exceeds the field of the smaller ones, with that field.
function firstGap(rates, kernels) {
  const layers = rates.map((rate, layer) => [rate, kernels[layer]]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let field = 1;
  for (const [rate, kernel] of layers) {
    if (rate > field && kernel > 1) return [rate, field];
    field += (kernel - 1) * rate;
  }
  return null;
}

function ruleExactly(rates, kernels) {
  const gap = firstGap(rates, kernels);
  const sentence = gap
    ? `rate ${gap[0]} is larger than ${gap[1]}, the receptive field of the smaller rates: pixels are missed`
    : "every rate is at most the receptive field of the smaller ones: no pixel is missed";
  return { rule: "exact criterion", holds: !gap, sentence };
}

function ruleByDistance(distances, kernels) {
  const rule = "published distance", kernel = kernels[0];
  if (distances.length === 1) {
    return { rule, holds: null, sentence: "a single rate has no M_2: the published rule does not apply" };
  }
  if (new Set(kernels).size > 1 || kernel % 2 === 0) {
    const sentence = "its distances take taps on both sides of a centre: for odd kernels of one size only";
    return { rule, holds: null, sentence };
  }
  const holds = distances[1] <= kernel;
  const compared = `M_2 = ${distances[1]} is ${holds ? "at most" : "larger than"} K = ${kernel}`;
  return { rule, holds, sentence: `${compared}: the published rule is ${holds ? "satisfied" : "violated"}` };
}

function ruleByFactor(rates, factor) {
  const sentence = factor > 1
    ? `all of ${listed(rates)} are multiples of ${factor}: pixels between the multiples are missed`
    : `${listed(rates)} have no common factor: a published necessary condition is satisfied`;
  return { rule: "common factor", holds: factor === 1, sentence };
}

// All that the theory says about a list of rates; the nearest rates without holes may take longer and are apart.
function judge(rates, kernels) {
  const counts = countRow(rates, kernels), field = counts.length;
  const reached = counts.filter((count) => count > 0n).length;
  let nearestHole = null;
  counts.forEach((count, pixel) => {
    const distance = Math.abs(pixel - (field - 1) / 2);
    if (count === 0n && (nearestHole === null || distance < nearestHole)) nearestHole = distance;
  });
  const spread = rates.filter((_, layer) => kernels[layer] > 1);
  const factor = spread.reduce(gcd, 0) || 1, distances = hdcDistances(rates), share = reached / field;
  return {
    counts, field, covered: share * share, nearestHole, distances, factor,
    rulings: [ruleExactly(rates, kernels), ruleByDistance(distances, kernels), ruleByFactor(spread, factor)],
  };
}

// The nearest lists without holes: with the least change, and with the least change that keeps the field or
// else comes nearest below it. A port of dilation/alternatives.py, where the reasoning stands.
function nearestWithoutHoles(rates, kernels) {
  const sizes = [...new Set(kernels)].filter((size) => size > 1).sort((a, b) => a - b);
  const layers = sizes.map((size) =>
    [...rates.keys()].filter((layer) => kernels[layer] === size).sort((a, b) => rates[a] - rates[b]));
  const groups = sizes.map((size, group) => ({ size, old: layers[group].map((layer) => rates[layer]) }));
  const costs = leastChanges(groups);
  const whole = costs.get(groups.map(({ old }) => old.length).join());
  const feasible = [...whole.keys()].filter((reached) => Number.isFinite(whole[reached]));
  const given = receptiveField(rates, kernels) - 1;
  const smallest = feasible.reduce((best, reached) => {
    const nearer = whole[reached] - whole[best] || Math.abs(reached - given) - Math.abs(best - given);
    return nearer < 0 ? reached : best;
  });
  const sameField = Math.max(...feasible.filter((reached) => reached <= given));
  const found = new Map();
  for (const target of [smallest, sameField]) {
    const mended = [...rates];
    for (const [group, index, choice] of walkBack(groups, costs, target)) mended[layers[group][index]] = choice;
    found.set(mended.join(), mended);
  }
  return [...found.values()];
}

// For every number of placed layers of each group, the least change that gives them a field of 1 + s, by s.
function leastChanges(groups) {
  const total = sum(groups.map(({ old }) => sum(old)));
  const sums = 2 * sum(groups.map(({ size, old }) => (size - 1) * sum(old))) + 1;
  const costs = new Map();
  for (const counts of everyCount(groups)) {
    const latest = new Float64Array(sums).fill(Infinity);
    if (!counts.some(Boolean)) latest[0] = 0;
    for (const [size, rate, before] of lastSteps(groups, counts)) {
      const earlier = costs.get(before.join());
      for (let choice = 1; choice <= total; choice++) {
        const further = (size - 1) * choice, change = Math.abs(choice - rate);
        if (choice - 1 + further >= sums) break;
        for (let s = choice - 1; s < sums - further; s++) {
          const cost = earlier[s] + change;
          if (cost < latest[s + further]) latest[s + further] = cost;
        }
      }
    }
    costs.set(counts.join(), latest);
  }
  return costs;
}

function everyCount(groups) {
  return groups.reduce(
    (found, { old }) => found.flatMap((counts) => Array.from({ length: old.length + 1 }, (_, more) => [...counts, more])),
    [[]],
  );
}

// Kernel, old rate and the counts before it of every layer that may have been placed last.
function lastSteps(groups, counts) {
  return groups.flatMap(({ size, old }, group) =>
    counts[group] ? [[size, old[counts[group] - 1], counts.with(group, counts[group] - 1), group]] : []);
}

function* walkBack(groups, costs, reached) {
  let counts = groups.map(({ old }) => old.length);
  while (counts.some(Boolean)) {
    const [size, choice, before, group] = lastChoice(groups, costs, counts, reached);
    yield [group, before[group], choice];
    counts = before;
    reached -= (size - 1) * choice;
  }
}

function lastChoice(groups, costs, counts, reached) {
  const least = costs.get(counts.join())[reached];
  for (const [size, rate, before, group] of lastSteps(groups, counts)) {
    const earlier = costs.get(before.join());
    for (let choice = Math.floor(reached / (size - 1)); choice > 0; choice--) {
      const rest = reached - (size - 1) * choice;
      if (rest >= choice - 1 && earlier[rest] + Math.abs(choice - rate) === least) return [size, choice, before, group];
    }
  }
  throw new Error("no way leads back to these costs");
}

// Additions that the search for the nearest rates takes, to tell whether it is done at once.
function searchSteps(rates, kernels) {
  const groups = [...new Set(kernels)].filter((size) => size > 1).map((size) => kernels.filter((k) => k === size).length);
  const states = groups.reduce((product, count) => product * (count + 1), 1);
  return states * groups.length * sum(rates) * receptiveField(rates, kernels);
}

// Output size of a convolution, or null where nothing would be left.
function convolutionSize(size, { kernel, stride, padding, rate }) {
  const room = size + 2 * padding - rate * (kernel - 1) - 1;
  return room < 0 ? null : Math.floor(room / stride) + 1;
}

// Output size of a transposed convolution, or null where nothing would be left.
function transposedSize(size, { kernel, stride, padding, rate }, outputPadding = 0) {
  const full = (size - 1) * stride + rate * (kernel - 1) + outputPadding + 1;
  return full <= 2 * padding ? null : full - 2 * padding;
}

// The sizes through a stack, and those of each layer's transposed convolution on the way back.
function stackSizes(size, layers) {
  return layers.map((layer) => {
    const before = size;
    size = before === null ? null : convolutionSize(before, layer);
    if (size === null) return { before, after: null, back: null, outputPadding: null };
    // Of several sizes that give this output, output_padding says which comes back.
    const outputPadding = (before + 2 * layer.padding - layer.rate * (layer.kernel - 1) - 1) % layer.stride;
    return { before, after: size, back: transposedSize(size, layer), outputPadding };
  });
}

// How many taps of all outputs along one axis fall on a pixel, not on padding.
function countTaps({ kernel, rate, stride, padding }, pixels, outputs) {
  let count = 0;
  for (let tap = 0; tap < kernel; tap++) {
    const shift = tap * rate - padding;
    const first = Math.max(0, Math.ceil(-shift / stride)), last = Math.min(outputs - 1, Math.floor((pixels - 1 - shift) / stride));
    count += Math.max(0, last - first + 1);
  }
  return count;
}
