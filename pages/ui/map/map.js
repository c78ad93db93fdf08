// State, the talk with Python, and the one place where frames are scheduled.
const SEND_EVERY = 150; // ms between settings while a thumb moves
const ANSWER_WITHIN = 1500; // ms to wait for an answer before asking again
const hub = (globalThis.winnowMap ??= { waiting: new Map() });
// Live elements on the page: those that carry a cloud, and maps.
hub.carriers ??= new Map();
hub.maps ??= new Map();
const cloudOf = (id) => [...hub.carriers.values()].find(({ cloud }) => cloud.id === id)?.cloud;

const NOTHING_PICKED = {
  selection: null, drawing: null, crosshair: null, anchor: null, opened: -1, gesture: null,
};
const newMap = () => ({
  parts: {}, todo: new Set(), cloud: null, move: null, judge: null, size: { width: 0, height: 0 },
  tool: "pan", colour: "cluster", isolated: null, isolatedIndex: -1, level: null, count: 0,
  // seq: of the newest change here; sentSeq: of the newest sent; answered: of the newest move.
  seq: 0, sentSeq: 0, answered: 0, sentAt: -1e9, dirty: false, dragging: false,
  queue: [], inFlight: null,
  growth: 1, shown: null, viewAt: 0, viewCost: 0, ...NOTHING_PICKED,
});

// --- what is chosen at this moment ---------------------------------------------------------------

// Follows the thumbs from what is held: exact while only the count moves inside the window, else the
// nearest that is known until Python answers.
const chosenNow = (map) => {
  const { move, count, cloud } = map;
  const mask = move.chosen.slice();
  const { first, held, window, ranks } = move;
  const at = (i) => (ranks ? ranks[i] : first + i);
  for (let i = 0; i < window.length; i++) {
    const inside = at(i) < count;
    if (i + first >= held && inside) mask[window[i]] = 1;
    if (i + first < held && !inside) mask[window[i]] = 0;
  }
  if (map.level === move.level && !move.isHeld) return mask;
  for (let i = 0; i < cloud.drawn; i++) if (!map.eligible[i] && !move.pinned?.[i]) mask[i] = 0;
  return mask;
};

const tallyNow = (map) => {
  const { move, cloud, mask } = map;
  const tallies = Array.from(move.byCluster);
  for (let i = 0; i < cloud.drawn; i++) {
    if (mask[i] !== move.chosen[i]) tallies[cloud.cluster[i]] += mask[i] ? 1 : -1;
  }
  return tallies;
};

const eligibleNow = ({ judge, move, level }) => {
  if (!judge || level === move.level) return { rows: move.eligible, exact: true };
  // Filters that only Python knows of may leave fewer.
  return { rows: judge.eligible[level ?? 0], exact: judge.eligible[move.level ?? 0] === move.eligible };
};

const derive = (map) => {
  map.eligible = eligiblePoints(map);
  map.mask = chosenNow(map);
  const eligible = eligibleNow(map);
  const limit = map.level === map.move.level ? map.move.max_count : Math.max(eligible.rows, 1);
  const tallies = tallyNow(map);
  map.figures = { eligible, limit, tallies, taken: tallies.reduce((sum, count) => sum + count, 0) };
};

// --- frames --------------------------------------------------------------------------------------

// figure: colours or geometry; pool: threshold; chosen: count; view: zoom; overlay: marks only.
const schedule = (map, part) => {
  map.todo.add(part);
  map.frame ??= requestAnimationFrame(() => {
    map.frame = null;
    paint(map);
  });
};
const paint = (map) => {
  const todo = map.todo;
  map.todo = new Set();
  if (!map.cloud || !map.move || !map.size.width) return;
  if (map.Plotly) {
    if (todo.has("figure")) drawFigure(map);
    else if (todo.has("pool")) drawLayers(map, true);
    else if (todo.has("chosen")) drawLayers(map, false);
    if (todo.has("view") && !todo.has("figure")) drawView(map);
  }
  paintOverlay(map);
};

// --- controls ------------------------------------------------------------------------------------

const refresh = (map, part) => {
  derive(map);
  paintRail(map);
  schedule(map, part);
};
const changed = (map) => {
  map.seq = hub.seq = Math.max(map.seq, hub.seq ?? 0) + 1; // also past what a map that stood here before sent
  map.dirty = true;
  const wait = SEND_EVERY - (performance.now() - map.sentAt);
  map.timer ??= setTimeout(() => tick(map), Math.max(0, wait));
};
const tick = (map) => {
  map.timer = null;
  const busy = map.answered < map.sentSeq && performance.now() - map.sentAt < ANSWER_WITHIN;
  if (busy && map.dirty) map.timer = setTimeout(() => tick(map), 40);
  else send(map);
};
const send = (map) => {
  clearTimeout(map.timer);
  map.timer = null;
  if (!map.dirty) return;
  map.dirty = false;
  map.sentAt = performance.now();
  map.sentSeq = map.seq;
  const { seq, level, count, colour, isolated } = map;
  map.setState("settings", { seq, level, count, colour, isolated });
};
const startDrag = (map) => (map.dragging = true);
const endDrag = (map) => {
  map.dragging = false;
  send(map);
};
const setLevel = (map, level) => {
  if (level !== map.level) {
    map.level = level;
    refresh(map, "pool");
    changed(map);
  } else paintRail(map);
};
const setCount = (map, count) => {
  if (count === map.count) return;
  map.count = count;
  refresh(map, "chosen");
  changed(map);
};
const setColour = (map, colour) => {
  map.colour = colour;
  recolour(map);
  changed(map);
};
const recolour = (map) => {
  map.classes = classesOf(map);
  paintSwatches(map);
  paintFrame(map);
  drawHistogram(map);
  schedule(map, "figure");
};
const setTool = (map, tool) => {
  map.tool = tool;
  paintToolbar(map);
};
const isolate = (map, id) => {
  focusCluster(map, id);
  refresh(map, "pool");
  paintActions(map);
  changed(map);
};
const focusCluster = (map, id) => {
  map.isolatedIndex = map.cloud.clusters.findIndex((cluster) => cluster.id === id);
  map.isolated = map.isolatedIndex < 0 ? null : id;
  map.selection &&= { ...map.selection, count: countInside(map, map.selection.polygon) };
};
const resetView = (map) => {
  map.view = fitView(map);
  schedule(map, "view");
};
const cancelGesture = (map) => {
  map.gesture = null;
  map.drawing = null;
  schedule(map, "overlay");
};
// One step back a press: what is being drawn, the selection, the isolated cluster, the opened row.
const escape = (map) => {
  if (map.gesture) return cancelGesture(map);
  if (map.selection || map.anchor) {
    map.selection = null;
    map.anchor = null;
  } else if (map.isolated !== null) isolate(map, null);
  else {
    map.opened = -1;
    map.crosshair = null;
  }
  paintActions(map);
  schedule(map, "overlay");
};

// --- decisions -----------------------------------------------------------------------------------

const rowOf = ({ cloud }, point) => (cloud.row ? cloud.row[point] : point);
const openPoint = (map, point) => {
  map.opened = point;
  paintActions(map);
  schedule(map, "overlay");
  if (point >= 0) map.fire("open", { row: rowOf(map, point) });
};
// Two triggers in one run of the script would leave only the later one: the next waits for its turn.
const pin = (map, op) => {
  const about = op === "undo" ? {} : target(map);
  const canUndo = map.move.pins.canUndo || map.inFlight || map.queue.length;
  if (!about || (op === "undo" && !canUndo)) return;
  map.lastPin = Math.max((map.lastPin ?? 0) + 1, Date.now());
  map.queue.push({ n: map.lastPin, op, ...about });
  pump(map);
};
const pump = (map) => {
  const { inFlight } = map;
  if (!map.queue.length || (inFlight && performance.now() - inFlight.at < 4000)) return;
  const next = map.queue.shift();
  map.inFlight = { n: next.n, at: performance.now() };
  setTimeout(() => pump(map), 4100);
  map.fire("pin", next);
};

// --- what Python says ----------------------------------------------------------------------------

// A move counts for the controls when it answers the newest settings, or when Python has forgotten what it
// answered before (a new session); otherwise it is older than what the hand does now.
const adopt = (map, move) => {
  const forgot = move.seq < map.answered;
  const current = forgot || (move.seq >= map.seq && !map.dragging && !map.dirty);
  map.answered = move.seq;
  if (forgot) Object.assign(map, { seq: move.seq, sentSeq: move.seq, dirty: false });
  if (!current) return;
  map.seq = Math.max(map.seq, move.seq);
  map.level = move.level;
  map.count = move.count;
  map.colour = colourOptions(map.cloud).some(([value]) => value === move.colour) ? move.colour : "cluster";
  focusCluster(map, move.isolated);
};

const receive = (map) => {
  const { cloud: arrived, move } = map.packet ? decodeMove(map.packet, cloudOf) : {};
  if (!move) return;
  const before = { ...map };
  const isNew = arrived.id !== map.cloud?.id;
  if (isNew) takeCloud(map, arrived);
  map.move = isNew || !move.pending || move.taken ? move : held(map, move);
  map.judge = map.cloud.judges.find(({ name }) => name === move.judge) ?? null;
  adopt(map, move);
  if (map.judge !== before.judge) {
    map.axis = map.judge && axisOf(map.judge);
    map.level = move.level;
  }
  const recoloured = isNew || map.colour !== before.colour || map.restyled;
  map.restyled = false;
  if (recoloured) map.classes = classesOf(map);
  derive(map);
  paintAll(map, isNew, recoloured || map.judge !== before.judge);
  if (map.inFlight && move.pins.ack >= map.inFlight.n) map.inFlight = null;
  pump(map);
  measure(map);
  // What the browser foresaw is not drawn a second time.
  const isForeseen = map.isolated === before.isolated && isSame(map.mask, before.mask)
    && isSame(map.eligible, before.eligible);
  schedule(map, recoloured ? "figure" : isForeseen ? "overlay" : "pool");
};
const isSame = (a, b) => a.length === b?.length && a.every((value, i) => value === b[i]);

// While an order is computed that nothing is known of, the rows shown last stay, as far as they are eligible.
const held = (map, move) => ({
  ...move, isHeld: true, chosen: map.mask, byCluster: map.figures.tallies, window: [], first: 0, held: 0,
});

// New scores or names on the same points leave the view and the selection as they are.
const takeCloud = (map, cloud) => {
  const isMoved = !map.cloud || !isSame(cloud.x, map.cloud.x) || !isSame(cloud.y, map.cloud.y);
  if (isMoved) Object.assign(map, { view: null, ...NOTHING_PICKED });
  map.cloud = cloud;
  focusCluster(map, map.isolated);
};

const paintAll = (map, isNew, recoloured) => {
  map.parts.body.inert = false;
  if (isNew) buildLegend(map);
  if (recoloured) {
    paintSwatches(map);
    drawHistogram(map);
    drawTicks(map);
  }
  paintRail(map);
  paintFrame(map);
  announce(map);
};

const announce = (map) => {
  const { eligible, taken } = map.figures;
  const text = `${fmt(taken)} of ${fmt(eligible.rows)} eligible rows selected.`;
  const whole = `Map of ${rowsWord(map.cloud.n)} in ${map.cloud.clusters.length} clusters.`;
  map.parts.plot.setAttribute("aria-label", `${whole} ${text}`);
  if (!map.dragging && !map.dirty) say(map.parts.live, text);
};

// --- life ----------------------------------------------------------------------------------------

const readTheme = (map) => {
  const style = getComputedStyle(map.parts.root);
  const value = (name, other) => style.getPropertyValue(`--st-${name}`).trim() || other;
  const background = value("background-color", "#ffffff");
  const text = value("text-color", "#31333f");
  const theme = {
    background, text, dark: luminance(background) < 0.5, primary: value("primary-color", "#0072b2"),
    danger: value("red-color", "#d55e00"), grey: mix(text, background, 0.45), dim: mix(text, background, 0.78),
    pool: mix(text, background, 0.5),
  };
  if (JSON.stringify(theme) === JSON.stringify(map.theme)) return;
  map.theme = theme;
  map.restyled = true;
};

const isWhole = (map) => JSON.stringify(map.view) === JSON.stringify(fitView(map));
const measure = (map) => {
  const { clientWidth: width, clientHeight: height } = map.parts.stage;
  if (!width || !height || !map.cloud) return;
  // A map that is shown whole stays whole; one that a person zoomed into keeps its place.
  const fits = !map.view || !map.size.width || isWhole(map);
  if (map.view && width === map.size.width && height === map.size.height) return;
  map.size = { width, height };
  if (fits) map.view = fitView(map);
  const ratio = window.devicePixelRatio || 1;
  Object.assign(map.parts.overlay, { width: width * ratio, height: height * ratio });
  drawHistogram(map);
  schedule(map, "figure");
};

const create = (parent) => {
  const map = newMap();
  map.parts.live = el("div", "wn-live", { "aria-live": "polite" });
  // Nothing can be touched before there are points.
  map.parts.body = el("div", "wn-body", { inert: true }, buildStage(map), buildRail(map));
  map.parts.root = el("div", "wn-root", { onkeydown: (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) escape(map);
  } }, map.parts.body, map.parts.live);
  paintStatus(map, "Loading the map", true);
  parent.append(map.parts.root);
  map.observer = new ResizeObserver(() => measure(map));
  map.observer.observe(map.parts.stage);
  loadPlotly(hub).then((Plotly) => {
    map.Plotly = Plotly;
    schedule(map, "figure");
  }).catch((error) => {
    map.failure = error.message;
    paintStatus(map, error.message, false);
  });
  return map;
};

const destroy = (map) => {
  map.observer.disconnect();
  cancelAnimationFrame(map.frame);
  clearTimeout(map.timer);
  destroyFigure(map);
  map.parts.root.remove();
};

// Streamlit also calls the clean-up of a call that a newer one has overtaken: look whether the element is gone.
const whenGone = (parent, action) => () => setTimeout(() => parent.isConnected || action(), 0);

hub.unmount = (parent) => {
  hub.waiting.delete(parent);
  const map = hub.maps.get(parent);
  if (map) destroy(map);
  hub.maps.delete(parent);
};
hub.mount = ({ data, parentElement, setStateValue, setTriggerValue }) => {
  const map = hub.maps.get(parentElement) ?? create(parentElement);
  hub.maps.set(parentElement, map);
  Object.assign(map, { setState: setStateValue, fire: setTriggerValue, packet: data });
  readTheme(map);
  receive(map);
  return whenGone(parentElement, () => hub.unmount(parentElement));
};

const bring = (parent, data) => {
  const held = hub.carriers.get(parent);
  if (held?.data === data) return;
  const cloud = decodeCloud(data);
  // A rerun of the page brings the same points again: what is on the screen stays.
  hub.carriers.set(parent, { data, cloud: held?.cloud.id === cloud.id ? held.cloud : cloud });
  for (const map of hub.maps.values()) receive(map);
};

export default ({ data, parentElement }) => {
  parentElement.classList.add("wn-carrier");
  bring(parentElement, data);
  const waiting = [...hub.waiting.values()];
  hub.waiting.clear();
  waiting.filter((component) => component.parentElement.isConnected).forEach(hub.mount);
  return whenGone(parentElement, () => hub.carriers.delete(parentElement));
};
