// Builds the page from the block of JSON. Texts become text nodes, never HTML; nothing is fetched.

const content = JSON.parse(document.getElementById("content").textContent);
const KINDS = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array };
const NS = "http://www.w3.org/2000/svg";
const DASH = "\u2013", AT_LEAST = "\u2265";
const main = document.getElementById("report");
const whole = (number) => number.toLocaleString("en-US");
const rows = (number) => `${whole(number)} ${number === 1 ? "row" : "rows"}`;

function unpack(packed) {
  const raw = atob(packed.data), bytes = new Uint8Array(raw.length);
  for (let at = 0; at < raw.length; at += 1) bytes[at] = raw.charCodeAt(at);
  const Kind = KINDS[packed.kind];
  if (new Uint8Array(new Uint16Array([1]).buffer)[0] === 1) return new Kind(bytes.buffer);
  const view = new DataView(bytes.buffer), size = Kind.BYTES_PER_ELEMENT;
  const read = { 1: "getUint8", 2: "getUint16", 4: "getUint32" }[size];
  return Kind.from({ length: bytes.length / size }, (_, at) => view[read](at * size, true));
}

function make(tag, given = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name === "text") made.textContent = value;
    else if (name in made && name !== "list") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...inside);
  return made;
}

function draw(tag, given, text) {
  const made = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(given)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function section(title, ...inside) {
  const made = make("section", {}, make("h2", { text: title }), ...inside);
  main.append(made);
  return made;
}

function table(head, lines, { numbers = [], className = "" } = {}) {
  const cell = (tag) => (text, at) => make(tag, { text, className: numbers.includes(at) ? "number" : "" });
  const body = lines.map((line) => make("tr", {}, ...line.map(cell("td"))));
  const top = head.length ? [make("thead", {}, make("tr", {}, ...head.map(cell("th"))))] : [];
  return make("div", { className: "scroll" }, make("table", { className }, ...top, make("tbody", {}, ...body)));
}

// The held data: a threshold and a count are a slice of an order.

const arrays = Object.fromEntries(Object.entries(content.arrays).map(([name, each]) => [name, unpack(each)]));
const state = { threshold: content.at[0], count: content.at[1], only: -1, curve: 0 };
const most = Math.max(...content.held.map(([, length]) => length));
const isExported = () => state.threshold === content.at[0] && chosen().length === content.at[1];

function chosen() {
  const [order, length] = content.held[state.threshold];
  return arrays[`order ${order}`].subarray(0, Math.min(Math.max(state.count, content.pinned), length));
}

function figures(selected) {
  const counts = new Array(content.clusters.length).fill(0);
  let sum = 0, scored = 0, tokens = 0;
  for (const row of selected) {
    counts[arrays.cluster[row]] += 1;
    tokens += arrays.tokens[row];
    const level = arrays.level[row];
    if (level) { sum += content.levels[level - 1]; scored += 1; }
  }
  const covered = content.clusters.filter((each, at) => each.number >= 0 && counts[at]).length;
  return { counts, tokens, covered, mean: scored ? sum / scored : null };
}

// The page.

const darkness = globalThis.matchMedia("(prefers-color-scheme: dark)");
let before = null; // where the sliders stood, while the page is being printed
const tiles = {}, parts = {};

function header() {
  main.append(
    make("header", {},
      make("p", { className: "kicker", text: "Selection report" }),
      make("h1", { text: content.title }),
      make("p", { className: "lead", text: content.sentence })),
  );
  if (content.why) main.append(make("blockquote", {}, make("small", { text: "Why these rows" }), make("p", { text: content.why })));
  const kinds = [["rows", "Selected"], ["eligible", "Eligible"]];
  if (content.judge !== null) kinds.push(["mean", "Mean score"]);
  kinds.push(["covered", "Clusters covered"], ["tokens", "Tokens"]);
  main.append(make("div", { className: "tiles" }, ...kinds.map(([name, title]) => {
    tiles[name] = { value: make("b", { id: `tile-${name}` }), note: make("small") };
    return make("div", {}, make("span", { text: title }), tiles[name].value, tiles[name].note);
  })));
}

function mapSection() {
  parts.canvas = make("canvas", { role: "img" });
  parts.caption = make("figcaption");
  parts.clusters = make("div", { className: "clusters", role: "group", ariaLabel: "Clusters" });
  parts.entries = content.clusters.map((each, at) => {
    const button = make("button", { type: "button", title: each.name },
      make("i"), make("span", { text: each.name }), make("em"));
    button.addEventListener("click", () => { state.only = state.only === at ? -1 : at; show(); });
    return button;
  });
  parts.clusters.append(...parts.entries);
  section("The selection on the map", make("div", { className: "stage" },
    make("figure", {}, parts.canvas, parts.caption),
    make("div", { className: "side" }, controls(), make("h3", { text: "Selected of all rows, by cluster" }),
      parts.clusters)));
}

function controls() {
  const made = make("div", { className: "controls" });
  if (content.thresholds.length > 1) {
    parts.threshold = make("input", { type: "range", id: "threshold", min: "0", step: "1",
      max: String(content.thresholds.length - 1) });
    parts.least = make("output", { htmlFor: "threshold" });
    parts.threshold.addEventListener("input", () => go(Number(parts.threshold.value), state.count));
    made.append(make("label", { htmlFor: "threshold" }, "Threshold ", parts.least), parts.threshold);
  }
  parts.slider = make("input", { type: "range", min: "0", max: "1000", step: "1", id: "count-slider",
    ariaLabel: "Rows to select" });
  parts.count = make("input", { type: "number", id: "count", min: "1", max: String(most) });
  parts.slider.addEventListener("input", () => {
    go(state.threshold, Math.round(most ** (Number(parts.slider.value) / 1000)));
  });
  parts.count.addEventListener("input", () => {
    const typed = Math.round(Number(parts.count.value));
    if (typed >= 1) go(state.threshold, Math.min(typed, most), parts.count);
  });
  parts.said = make("p", { className: "said", role: "status" });
  parts.back = make("button", { type: "button", className: "back", text: "Back to the exported selection" });
  parts.back.addEventListener("click", () => go(...content.at));
  made.append(make("label", { htmlFor: "count" }, "Rows to select ", parts.count), parts.slider, parts.said,
    parts.back);
  return made;
}

function colour(at) {
  const { number } = content.clusters[at];
  const palette = content.palettes[darkness.matches && !before ? "dark" : "light"];
  return number < 0 ? content.noise : palette[number % palette.length];
}

function go(threshold, count, typedIn = null) {
  state.threshold = threshold;
  state.count = count;
  if (typedIn === null) parts.count.value = String(count);
  parts.slider.value = String(most > 1 ? Math.round((1000 * Math.log(Math.max(count, 1))) / Math.log(most)) : 1000);
  if (parts.threshold) parts.threshold.value = String(threshold);
  show();
}

function least(threshold) {
  return content.thresholds[threshold] === null ? "" : `${content.judge} ${AT_LEAST} ${content.thresholds[threshold]}`;
}

function sentence(selected) {
  const ends = content.ends[state.threshold], length = content.held[state.threshold][1];
  if (selected.length < state.count && ends) return `This file holds the order to ${rows(length)} here.`;
  if (selected.length < state.count) return `No more than ${rows(length)} can be selected here.`;
  if (selected.length > state.count) return `${rows(content.pinned)} pinned: they are in whatever the count.`;
  return "";
}

function show() {
  const selected = chosen(), found = figures(selected), share = selected.length / content.pool;
  tiles.rows.value.textContent = whole(selected.length);
  tiles.rows.note.textContent = `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} % of ${rows(content.pool)}`;
  tiles.eligible.value.textContent = whole(content.eligible[state.threshold]);
  tiles.eligible.note.textContent = least(state.threshold) || "no threshold";
  if (tiles.mean) {
    tiles.mean.value.textContent = found.mean === null ? DASH : found.mean.toFixed(2);
    tiles.mean.note.textContent = `by ${content.judge}`;
  }
  tiles.covered.value.textContent = whole(found.covered);
  tiles.covered.note.textContent = `of ${content.clusters.filter((each) => each.number >= 0).length}`;
  tiles.tokens.value.textContent = whole(found.tokens);
  tiles.tokens.note.textContent = selected.length
    ? `${Math.round(found.tokens / selected.length)} a row` : "";
  const exported = isExported();
  if (parts.least) parts.least.textContent = least(state.threshold);
  const said = [sentence(selected), exported ? "This is the exported selection." : ""].filter(Boolean);
  parts.said.textContent = said.join(" ") || "Not the exported selection.";
  parts.back.disabled = exported && state.count === content.at[1];
  parts.caption.textContent = `${rows(selected.length)} in the colours of their clusters, ${
    rows(content.eligible[state.threshold])} eligible in grey, the rest faint.`;
  parts.canvas.ariaLabel = parts.caption.textContent;
  parts.entries.forEach((button, at) => {
    button.lastChild.textContent = `${whole(found.counts[at])} of ${whole(content.clusters[at].rows)}`;
    button.ariaPressed = String(state.only === at);
    button.firstChild.style.background = colour(at);
    button.classList.toggle("none", !found.counts[at]);
  });
  paint(selected);
  chart();
}

// The map on a canvas; the ground is kept for each threshold.

let ground = null;

function frame() {
  const wide = parts.canvas.clientWidth || 640, high = Math.round(wide * 0.66);
  const finer = 2;
  const width = wide * finer, height = high * finer, margin = 14 * finer;
  const [across, down] = content.sides;
  const scale = Math.min((width - 2 * margin) / Math.max(across, 1e-6), (height - 2 * margin) / Math.max(down, 1e-6));
  const left = (width - across * scale) / 2, top = (height - down * scale) / 2;
  return { width, height, finer, scale: scale / 65535, left, top };
}

function groundOf(at) {
  const key = `${at.width} ${state.threshold}`;
  if (ground?.key === key) return ground.canvas;
  const canvas = make("canvas", { width: at.width, height: at.height }), pen = canvas.getContext("2d");
  const lowest = content.least[state.threshold];
  const first = lowest === null ? 0 : content.levels.findIndex((each) => each >= Math.fround(lowest)) + 1;
  pen.fillStyle = "#808080";
  const size = (content.pool <= 5000 ? 2.4 : 1.5) * at.finer;
  for (const isEligible of [false, true]) {
    pen.globalAlpha = isEligible ? 0.38 : 0.13;
    for (let row = 0; row < content.pool; row += 1) {
      if (arrays.level[row] >= first !== isEligible) continue;
      pen.fillRect(at.left + arrays.x[row] * at.scale - size / 2, at.top + arrays.y[row] * at.scale - size / 2, size, size);
    }
  }
  ground = { key, canvas };
  return canvas;
}

function paint(selected) {
  const at = frame(), { canvas } = parts, pen = canvas.getContext("2d"), k = selected.length;
  canvas.width = at.width;
  canvas.height = at.height;
  pen.drawImage(groundOf(at), 0, 0);
  const radius = (k <= 200 ? 3.6 : k <= 2000 ? 2.5 : k <= 12000 ? 1.7 : 1.1) * at.finer;
  for (const own of [false, true]) {
    pen.globalAlpha = state.only < 0 || own ? 0.92 : 0.12;
    for (const row of selected) {
      const cluster = arrays.cluster[row];
      if ((cluster === state.only) !== own) continue;
      pen.fillStyle = colour(cluster);
      pen.beginPath();
      pen.arc(at.left + arrays.x[row] * at.scale, at.top + arrays.y[row] * at.scale, radius, 0, 7);
      pen.fill();
    }
  }
}

// How many: one figure over the count, at the slider's threshold.

const SCREEN = [innerWidth < 700 ? 420 : 760, 300]; // on a phone letters would be too small to read
const PAPER = [640, 190]; // four on a page
let [WIDE, HIGH] = SCREEN;
const EDGE = { left: 58, right: 96, top: 14, bottom: 38 };

function howMany() {
  if (!content.curves.length || content.counts.length < 2) return;
  parts.chart = draw("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img" });
  parts.reading = make("p", { className: "lead" });
  parts.tabs = content.curves.map((each, at) => {
    const button = make("button", { type: "button", text: each.title });
    button.addEventListener("click", () => { state.curve = at; chart(); });
    return button;
  });
  const hint = "Line: the selection at the threshold. Band: the lowest and highest of the random draws of the same "
    + "size from all rows. Points: the sizes that were measured.";
  parts.paper = make("div", { className: "paper" });
  section("How many rows are enough", make("div", { className: "moving" }, parts.reading,
    make("div", { className: "tabs" }, ...parts.tabs), parts.chart),
  make("p", { className: "hint", text: hint }), parts.paper);
}

// Paper has no tabs: every curve stands there, at the threshold of the exported selection.
function allCurves() {
  [WIDE, HIGH] = PAPER;
  parts.paper?.replaceChildren(...content.curves.map((curve) => {
    const svg = draw("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img" });
    drawCurve(svg, curve);
    return make("figure", {}, make("h3", { text: curve.title }),
      make("p", { text: curve.readings[state.threshold] }), svg);
  }));
  [WIDE, HIGH] = SCREEN;
}

function ticks(low, high) {
  const rough = (high - low) / 4 || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-6; at += step) found.push(at);
  return { found, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

function scales(curve) {
  const shown = [...curve.values.flat(), ...curve.low, ...curve.high].filter((each) => each !== null);
  let low = Math.min(...shown), high = Math.max(...shown);
  const air = (high - low) * 0.05 || Math.abs(high) * 0.05 || 1;
  low -= air;
  high += air;
  const first = Math.log(content.counts[0]), last = Math.log(content.counts[content.counts.length - 1]);
  return {
    low, high,
    x: (count) => EDGE.left + ((Math.log(count) - first) / (last - first)) * (WIDE - EDGE.left - EDGE.right),
    y: (value) => HIGH - EDGE.bottom - ((value - low) / (high - low)) * (HIGH - EDGE.top - EDGE.bottom),
  };
}

function points(values, { x, y }) {
  return values.map((value, at) => [value, content.counts[at]]).filter(([value]) => value !== null)
    .map(([value, count]) => [x(count), y(value)]);
}

const joined = (pairs) => pairs.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");

function axes(svg, scale) {
  const { found, digits } = ticks(scale.low, scale.high);
  for (const value of found) {
    svg.append(draw("line", { class: "grid", x1: EDGE.left, x2: WIDE - EDGE.right, y1: scale.y(value), y2: scale.y(value) }));
    svg.append(draw("text", { x: EDGE.left - 8, y: scale.y(value) + 4, "text-anchor": "end" },
      digits ? value.toFixed(digits) : whole(Math.round(value))));
  }
  const [first, last] = [content.counts[0], content.counts[content.counts.length - 1]];
  const powers = [1, 10, 100, 1e3, 1e4, 1e5, 1e6].filter((each) => each >= first && each <= last / 1.3);
  for (const count of [...powers, last]) {
    svg.append(draw("text", { x: scale.x(count), y: HIGH - EDGE.bottom + 18, "text-anchor": "middle" }, whole(count)));
  }
  svg.append(draw("text", { x: (EDGE.left + WIDE - EDGE.right) / 2, y: HIGH - 3, "text-anchor": "middle" }, "rows selected"));
}

function drawCurve(svg, curve) {
  const scale = scales(curve);
  const values = curve.values[state.threshold], line = points(values, scale), drawn = points(curve.mean, scale);
  svg.replaceChildren();
  axes(svg, scale);
  svg.append(draw("polygon", { class: "band", points: joined([...points(curve.low, scale), ...points(curve.high, scale).reverse()]) }));
  svg.append(draw("polyline", { class: "random", points: joined(drawn) }));
  if (state.count >= content.counts[0] && state.count <= content.counts[content.counts.length - 1]) {
    const x = scale.x(state.count);
    svg.append(draw("line", { class: "here", x1: x, x2: x, y1: EDGE.top, y2: HIGH - EDGE.bottom }));
  }
  svg.append(draw("polyline", { class: "line", points: joined(line) }));
  for (const [cx, cy] of line) svg.append(draw("circle", { class: "dot", cx, cy, r: 2.8 }));
  const ends = [["selection", line, "mine"], ["random", drawn, "theirs"]].filter(([, each]) => each.length);
  const isClose = ends.length > 1 && Math.abs(ends[0][1].at(-1)[1] - ends[1][1].at(-1)[1]) < 15;
  ends.forEach(([name, each, kind], at) => {
    const [x, y] = each.at(-1), isAbove = isClose && (ends[1 - at][1].at(-1)[1] > y || (at === 0 && ends[1][1].at(-1)[1] === y));
    svg.append(draw("text", { class: kind, x: x + 9, y: y + 4 + (isClose ? (isAbove ? -8 : 8) : 0) }, name));
  });
  svg.setAttribute("aria-label", `${curve.title} over the number of rows. ${curve.readings[state.threshold]}`);
}

function chart() {
  if (!parts.chart) return;
  const curve = content.curves[state.curve];
  drawCurve(parts.chart, curve);
  parts.tabs.forEach((each, at) => { each.ariaPressed = String(at === state.curve); });
  parts.reading.textContent = curve.readings[state.threshold];
  parts.reading.hidden = !curve.readings[state.threshold];
}

header();
mapSection();
howMany();
besideRandom();
judges();
lookedFor();
rowsToRead();
howChosen();
go(...content.at);
darkness.addEventListener("change", show);
let waiting = 0;
globalThis.addEventListener("resize", () => {
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(() => paint(chosen()));
});
// On paper stands what was exported, with the recipe open.
globalThis.addEventListener("beforeprint", () => {
  before = { ...state, open: parts.recipe.open };
  state.only = -1;
  parts.recipe.open = true;
  go(...content.at);
  allCurves();
});
globalThis.addEventListener("afterprint", () => {
  const { only, open, threshold, count } = before;
  before = null;
  state.only = only;
  parts.recipe.open = open;
  parts.paper?.replaceChildren();
  go(threshold, count);
});
// Whoever doubts a figure can ask the console which rows it is about.
globalThis.winnowReport = { go, rows: () => Array.from(chosen()) };
