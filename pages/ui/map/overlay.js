// What is drawn over the points on a 2D canvas, and everything that the pointer does there.
const NEAR = 10; // pixels within which a click means a point
const CELLS = 256;
const MAX_VERTICES = 200;
const FAR = 1e6; // packed units; Python refuses vertices much farther out

// Points by cell of a grid, so that a click looks at a handful of them.
const gridOf = ({ x, y, drawn }) => {
  const cell = (i) => (y[i] >> 8) * CELLS + (x[i] >> 8);
  const starts = new Uint32Array(CELLS * CELLS + 1);
  for (let i = 0; i < drawn; i++) starts[cell(i) + 1]++;
  for (let c = 0; c < CELLS * CELLS; c++) starts[c + 1] += starts[c];
  const next = starts.slice();
  const items = new Uint32Array(drawn);
  for (let i = 0; i < drawn; i++) items[next[cell(i)]++] = i;
  return { starts, items };
};

const nearest = (map, left, top, pixels) => {
  const { cloud, view } = map;
  const { starts, items } = (cloud.grid ??= gridOf(cloud));
  const [x, y] = toData(map, left, top);
  const reach = pixels * view.unit;
  const cellAt = (value) => clamp(Math.floor(value / 256), 0, CELLS - 1);
  let best = { point: -1, distance: reach * reach };
  for (let row = cellAt(y - reach); row <= cellAt(y + reach); row++) {
    const from = starts[row * CELLS + cellAt(x - reach)];
    const to = starts[row * CELLS + cellAt(x + reach) + 1];
    for (let at = from; at < to; at++) {
      const i = items[at];
      const distance = (cloud.x[i] - x) ** 2 + (cloud.y[i] - y) ** 2;
      if (distance <= best.distance && isSeen(map, i)) best = { point: i, distance };
    }
  }
  return best.point;
};
const isSeen = (map, i) => map.isolatedIndex < 0 || map.cloud.cluster[i] === map.isolatedIndex;

// Even-odd rule on packed units; the same arithmetic as inside_polygon in Python.
const isInside = (polygon, x, y) => {
  let inside = false;
  let [lastX, lastY] = polygon[polygon.length - 1];
  for (const [nextX, nextY] of polygon) {
    const spans = nextY > y !== lastY > y;
    if (spans && x < ((lastX - nextX) * (y - nextY)) / (lastY - nextY) + nextX) inside = !inside;
    [lastX, lastY] = [nextX, nextY];
  }
  return inside;
};
const countInside = (map, polygon) => {
  const { x, y, drawn } = map.cloud;
  const [left, right] = [Math.min(...polygon.map(([a]) => a)), Math.max(...polygon.map(([a]) => a))];
  const [bottom, top] = [Math.min(...polygon.map(([, b]) => b)), Math.max(...polygon.map(([, b]) => b))];
  let count = 0;
  for (let i = 0; i < drawn; i++) {
    if (x[i] < left || x[i] > right || y[i] < bottom || y[i] > top || !isSeen(map, i)) continue;
    if (isInside(polygon, x[i], y[i])) count++;
  }
  return count;
};

// Ramer, Douglas and Peucker: drop vertices nearer than the tolerance to the line of those kept.
const simplify = (vertices, tolerance) => {
  const keep = new Uint8Array(vertices.length);
  keep[0] = keep[vertices.length - 1] = 1;
  const spans = [[0, vertices.length - 1]];
  while (spans.length) {
    const [from, to] = spans.pop();
    const [[ax, ay], [bx, by]] = [vertices[from], vertices[to]];
    const length = Math.hypot(bx - ax, by - ay);
    let [worst, far] = [-1, tolerance];
    for (let i = from + 1; i < to; i++) {
      const [px, py] = vertices[i];
      const cross = Math.abs((bx - ax) * (ay - py) - (ax - px) * (by - ay));
      const distance = length ? cross / length : Math.hypot(px - ax, py - ay);
      if (distance > far) [worst, far] = [i, distance];
    }
    if (worst < 0) continue;
    keep[worst] = 1;
    spans.push([from, worst], [worst, to]);
  }
  return vertices.filter((_, i) => keep[i]);
};
const outline = (vertices) => {
  let kept = vertices;
  for (let tolerance = 0.7; kept.length > MAX_VERTICES || tolerance === 0.7; tolerance *= 1.6) {
    kept = simplify(vertices, tolerance);
  }
  return kept;
};

// Vertices in pixels become a selection in packed units, whole numbers on both sides of the wire.
const select = (map, vertices) => {
  const whole = (value) => clamp(Math.round(value), -FAR, FAR);
  const polygon = vertices.map(([left, top]) => toData(map, left, top).map(whole));
  const area = polygon.length > 2 ? countInside(map, polygon) : 0;
  map.selection = area ? { polygon, count: area } : null;
  map.drawing = null;
  paintActions(map);
  schedule(map, "overlay");
};
const boxOf = ([left, top], [right, bottom]) => [[left, top], [right, top], [right, bottom], [left, bottom]];

const pointAt = (map, event) => {
  const box = map.parts.overlay.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};
const onDown = (map, event) => {
  if (event.button) return;
  map.parts.overlay.setPointerCapture(event.pointerId);
  const tool = event.shiftKey ? "box" : map.tool;
  map.gesture = { tool, start: pointAt(map, event), view: map.view, moved: false, path: [pointAt(map, event)] };
  map.crosshair = null;
};
const onMove = (map, event) => {
  const { gesture } = map;
  hover(map, event);
  if (!gesture) return;
  const at = pointAt(map, event);
  const [dx, dy] = [at[0] - gesture.start[0], at[1] - gesture.start[1]];
  gesture.moved ||= Math.hypot(dx, dy) > 3;
  if (!gesture.moved) return;
  if (gesture.tool === "pan") {
    const { x, y, unit } = gesture.view;
    map.view = { x: x - dx * unit, y: y + dy * unit, unit };
    return schedule(map, "view");
  }
  const last = gesture.path[gesture.path.length - 1];
  if (gesture.tool === "lasso" && Math.hypot(at[0] - last[0], at[1] - last[1]) > 2) gesture.path.push(at);
  map.drawing = gesture.tool === "box" ? boxOf(gesture.start, at) : gesture.path;
  schedule(map, "overlay");
};
const onUp = (map, event) => {
  const { gesture } = map;
  map.gesture = null;
  if (!gesture) return;
  if (gesture.tool === "pan" && gesture.moved) return schedule(map, "view");
  if (!gesture.moved) return openPoint(map, nearest(map, ...gesture.start, NEAR));
  if (gesture.tool === "lasso") select(map, outline(gesture.path));
  if (gesture.tool === "box") select(map, boxOf(gesture.start, pointAt(map, event)));
};
const onWheel = (map, event) => {
  // The page scrolls past the map unless the map has the focus or the gesture is a pinch.
  if (!event.ctrlKey && !map.parts.stage.contains(document.activeElement)) return;
  event.preventDefault();
  const turned = clamp(event.deltaY * (event.deltaMode ? 30 : 1), -240, 240);
  zoomAt(map, Math.exp(turned * (event.ctrlKey ? 0.008 : 0.0022)), ...pointAt(map, event));
};

const tracePath = (context, vertices) => {
  context.beginPath();
  vertices.forEach(([left, top], i) => (i ? context.lineTo(left, top) : context.moveTo(left, top)));
  context.closePath();
};
const paintShape = (map, context) => {
  const held = map.selection?.polygon.map(([x, y]) => toPixel(map, x, y));
  const vertices = map.drawing ?? held;
  if (!vertices) return;
  tracePath(context, vertices);
  context.fillStyle = `${map.theme.primary}`;
  context.globalAlpha = 0.1;
  context.fill("evenodd");
  context.globalAlpha = 1;
  context.strokeStyle = map.theme.primary;
  context.lineWidth = 1.5;
  context.setLineDash(map.drawing ? [5, 4] : []);
  context.stroke();
  context.setLineDash([]);
};
const paintMarks = (map, context, mask, mark) => {
  if (!mask) return;
  const { cloud, size } = map;
  context.beginPath();
  for (let i = 0; i < cloud.drawn; i++) {
    if (!mask[i]) continue;
    const [left, top] = toPixel(map, cloud.x[i], cloud.y[i]);
    if (left > -9 && top > -9 && left < size.width + 9 && top < size.height + 9) mark(left, top);
  }
  context.stroke();
};
const ring = (context, radius) => (left, top) => {
  context.moveTo(left + radius, top);
  context.arc(left, top, radius, 0, 7);
};
const cross = (context, arm) => (left, top) => {
  context.moveTo(left - arm, top - arm);
  context.lineTo(left + arm, top + arm);
  context.moveTo(left + arm, top - arm);
  context.lineTo(left - arm, top + arm);
};
const paintOpened = (map, context) => {
  const [left, top] = toPixel(map, map.cloud.x[map.opened], map.cloud.y[map.opened]);
  for (const [width, colour] of [[5, map.theme.background], [2.5, map.theme.text]]) {
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.beginPath();
    ring(context, 7.5)(left, top);
    context.stroke();
  }
};
// Twice, so that a ring is seen on points of any colour.
const paintFound = (map, context, radius) => {
  for (const [width, colour] of [[4, map.theme.background], [2, map.theme.primary]]) {
    context.lineWidth = width;
    context.strokeStyle = colour;
    paintMarks(map, context, map.move.found, ring(context, radius));
  }
};
const paintCrosshair = (map, context) => {
  const [left, top] = map.crosshair;
  context.strokeStyle = map.theme.text;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(left - 14, top);
  context.lineTo(left + 14, top);
  context.moveTo(left, top - 14);
  context.lineTo(left, top + 14);
  context.stroke();
};
const paintOverlay = (map) => {
  const context = map.parts.overlay.getContext("2d");
  const ratio = window.devicePixelRatio || 1;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, map.size.width, map.size.height);
  if (!map.cloud || !map.move) return;
  paintNames(map, context);
  const size = markerSize(map);
  context.lineWidth = 1.4;
  context.strokeStyle = map.theme.text;
  paintMarks(map, context, map.move.pinned, ring(context, size / 2 + 2.6));
  context.strokeStyle = map.theme.danger;
  paintMarks(map, context, map.move.excluded, cross(context, size / 2 + 1.4));
  paintFound(map, context, size / 2 + 4);
  paintShape(map, context);
  if (map.opened >= 0) paintOpened(map, context);
  if (map.crosshair) paintCrosshair(map, context);
};
