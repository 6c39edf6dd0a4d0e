"use strict";

// What a unit of a network counts, walked back from it through the nodes of dilation/count_nodes.py: each is a sum
// of earlier ones, [node, weight, ...], with a window of ones over its rows and another over its columns.

// Places and weights [place, weight, ...] of the input that a place of the output is made of.
function tapsAt(axis, place) {
  if (Array.isArray(axis[0])) return axis[place];
  const [kernel, stride, padding, dilation] = axis, taps = [];
  for (let tap = 0; tap < kernel; tap++) taps.push(place * stride - padding + tap * dilation, 1);
  return taps;
}

// The counts [rows][columns] of what enters a window, from those of what leaves it, along its rows.
function backThroughRows(counts, [rows, columns], axis, before) {
  const found = new Float64Array(before * columns);
  for (let row = 0; row < rows; row++) {
    const taps = tapsAt(axis, row);
    for (let tap = 0; tap < taps.length; tap += 2) {
      const [source, weight] = [taps[tap], taps[tap + 1]];
      if (source < 0 || source >= before) continue;
      for (let column = 0; column < columns; column++) found[source * columns + column] += weight * counts[row * columns + column];
    }
  }
  return found;
}

function backThroughColumns(counts, [rows, columns], axis, before) {
  const found = new Float64Array(rows * before);
  for (let column = 0; column < columns; column++) {
    const taps = tapsAt(axis, column);
    for (let tap = 0; tap < taps.length; tap += 2) {
      const [source, weight] = [taps[tap], taps[tap + 1]];
      if (source < 0 || source >= before) continue;
      for (let row = 0; row < rows; row++) found[row * before + source] += weight * counts[row * columns + column];
    }
  }
  return found;
}

// How often each pixel enters the unit at (row, column) of a node, as one list of the image's rows.
function countUnit(nodes, node, [row, column]) {
  const found = new Array(node + 1).fill(null), [[height, width]] = nodes;
  found[node] = new Float64Array(nodes[node][0][0] * nodes[node][0][1]);
  found[node][row * nodes[node][0][1] + column] = 1;
  for (let here = node; here > 0; here--) {
    if (!found[here]) continue;
    const [size, parts, rows, columns] = nodes[here], [before, beside] = nodes[parts[0]][0];
    let counts = found[here];
    if (rows) counts = backThroughColumns(backThroughRows(counts, size, rows, before), [before, size[1]], columns, beside);
    for (let part = 0; part < parts.length; part += 2) {
      const sum = (found[parts[part]] ??= new Float64Array(before * beside)), weight = parts[part + 1];
      counts.forEach((count, place) => { sum[place] += weight * count; });
    }
    found[here] = null;
  }
  // Channels are averaged; of three, the thirds of a whole count come back with a rounding error.
  const whole = (count) => Math.abs(count - Math.round(count)) <= 1e-9 * Math.max(1, count) ? Math.round(count) : count;
  return Array.from(found[0] ?? new Float64Array(height * width), whole);
}
