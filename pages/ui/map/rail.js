// The right rail: threshold with its histogram, count, and the legend.
const FEW = 24; // levels that get a bar and a tick of their own
const HIST_HEIGHT = 56;
const NO_SCORES = "No scores in this file: import or judge to use a threshold.";

// Where a level stands on the threshold slider. Evenly spaced levels are steps of the range input; others
// keep their true distances, and the thumb snaps to the nearest level.
const axisOf = ({ levels }) => {
  const last = levels.length - 1;
  const span = levels[last] - levels[0] || 1;
  const steps = last || 1;
  const even = levels.every((value, i) => Math.abs(((value - levels[0]) / span) * steps - i) < 0.02);
  const max = even ? steps : 1000;
  const place = levels.map((value, i) => (even ? i : ((value - levels[0]) / span) * max));
  const level = (at) =>
    place.reduce((best, x, i) => (Math.abs(x - at) < Math.abs(place[best] - at) ? i : best), 0);
  return { max, even, place, level, share: (i) => place[i] / max };
};

// Bars as {left, width, count, at}, where at is the score: one a level where there are few, else the
// equal bins that the header brings.
const barsOf = (judge, axis, width) => {
  const { levels, counts, bins } = judge;
  if (axis.even && levels.length <= FEW) {
    const wide = clamp((width / levels.length) * 0.78, 2, 26);
    const left = (i) => axis.share(i) * width - wide / 2;
    return counts.map((count, i) => ({ left: left(i), width: wide, count, at: levels[i] }));
  }
  const [low, high] = [levels[0], levels[levels.length - 1]];
  return bins.map((count, i) => ({
    left: (i / bins.length) * width,
    width: width / bins.length - 1,
    count,
    at: low + ((i + 0.5) / bins.length) * (high - low),
  }));
};

const drawHistogram = (map) => {
  const { judge, parts } = map;
  const width = parts.histogram.clientWidth;
  if (!judge || !width) return parts.histogram.replaceChildren();
  const bars = barsOf(judge, map.axis, width);
  const top = Math.max(...bars.map(({ count }) => count), 1);
  const colourOf = map.colour === `judge:${judge.name}` ? map.classes.colourOf : null;
  map.bars = bars.map((bar) => {
    const height = bar.count && Math.max(1.5, (bar.count / top) * (HIST_HEIGHT - 2));
    const node = svg("rect", { x: bar.left, y: HIST_HEIGHT - height, width: bar.width, height, rx: 1 });
    if (colourOf) node.style.fill = colourOf(bar.at);
    return { ...bar, node };
  });
  parts.histogram.replaceChildren(...map.bars.map(({ node }) => node));
  fadeBars(map);
};
const fadeBars = ({ bars, judge, level }) => {
  const cut = judge.levels[level ?? 0];
  bars?.forEach(({ node, at }) => node.classList.toggle("wn-below", at < cut));
};

const drawTicks = (map) => {
  const { judge, axis, parts } = map;
  const levels = judge?.levels ?? [];
  const few = levels.length <= FEW && axis?.even;
  const every = few ? Math.ceil(levels.length / 9) : Math.max(1, levels.length - 1);
  parts.ticks.classList.toggle("wn-ends", !few);
  parts.ticks.replaceChildren(...levels.map((level, i) => {
    if (i % every) return null;
    const tick = el("span", "", {}, scoreText(level, 3));
    tick.style.left = `${axis.share(i) * 100}%`;
    return tick;
  }).filter(Boolean));
};

const rangeInput = (label, map, onInput) =>
  el("input", "wn-range", {
    type: "range", step: 1, min: 0, "aria-label": label,
    oninput: (event) => onInput(Number(event.target.value)),
    onpointerdown: () => startDrag(map),
    // A held key fires "change" at every repeat: there the timer and the release of the key send.
    onchange: () => map.dragging && endDrag(map),
    onkeyup: () => endDrag(map),
    onblur: () => endDrag(map),
  });

// Arrow keys go from one offered level to the next, also where levels are uneven.
const onLevelKey = (map, event) => {
  const last = map.judge.levels.length - 1;
  const far = Math.max(1, Math.round(last / 10));
  const now = map.level ?? 0;
  const to = { ArrowRight: now + 1, ArrowUp: now + 1, ArrowLeft: now - 1, ArrowDown: now - 1,
    PageUp: now + far, PageDown: now - far, Home: 0, End: last }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  setLevel(map, clamp(to, 0, last));
};

const buildRail = (map) => {
  const parts = map.parts;
  parts.threshold = rangeInput("Threshold", map, (at) => setLevel(map, map.axis.level(at)));
  parts.threshold.addEventListener("keydown", (event) => onLevelKey(map, event));
  parts.count = rangeInput("Rows to select", map, (at) => setCount(map, map.steps[at]));
  parts.number = el("input", "wn-number", {
    type: "text", inputmode: "numeric", "aria-label": "Number of rows to select",
    onchange: (event) => typeCount(map, event.target),
    onfocus: (event) => event.target.select(),
  });
  parts.judgeName = el("span", "wn-aside");
  parts.thresholdText = el("div", "wn-line");
  parts.countText = el("div", "wn-line");
  parts.histogram = svg("svg", { class: "wn-hist", height: HIST_HEIGHT, "aria-hidden": "true" });
  parts.ticks = el("div", "wn-ticks", { "aria-hidden": "true" });
  parts.thresholdNote = el("div", "wn-note");
  parts.countNote = el("div", "wn-note");
  parts.legend = el("div", "wn-list", { role: "group", "aria-label": "Clusters" });
  parts.legendAside = el("span", "wn-aside", {
    title: "Bar: share of the selection. Line: share of all rows. They meet where a cluster is in proportion.",
  }, "selected / all");
  const head = (title, aside) => el("div", "wn-head", {}, el("span", "wn-title", {}, title), aside);
  return el("div", "wn-rail", {},
    el("div", "wn-controls", {},
      el("section", "wn-section", {}, head("Threshold", parts.judgeName), parts.thresholdText,
        el("div", "wn-track", {}, parts.histogram, parts.threshold, parts.ticks), parts.thresholdNote),
      el("section", "wn-section", {}, head("Rows", parts.number), parts.countText,
        el("div", "wn-track", {}, parts.count), parts.countNote)),
    el("section", "wn-section wn-legend", {}, head("Clusters", parts.legendAside), parts.legend));
};

const typeCount = (map, input) => {
  const typed = Number(input.value.replace(/[^\d]/g, ""));
  if (typed > 0) setCount(map, Math.min(typed, map.cloud.n));
  input.value = fmt(map.count);
  endDrag(map);
};

const buildLegend = (map) => {
  map.entries = map.cloud.clusters.map(({ id, name, total }, rank) => {
    const [bar, pool] = [el("span", "wn-fill"), el("span", "wn-pool")];
    const [swatch, number] = [el("span", "wn-swatch"), el("span", "wn-tally")];
    const node = el("button", "wn-entry", {
      type: "button", title: name, "aria-pressed": "false",
      onclick: () => isolate(map, map.isolated === id ? null : id),
    }, swatch, el("span", "wn-name", {}, name), number, el("span", "wn-share", {}, bar, pool));
    return { node, swatch, number, bar, pool, id, name, total, rank };
  });
  map.parts.legend.replaceChildren(...map.entries.map(({ node }) => node));
  paintSwatches(map);
};

const paintSwatches = (map) => {
  const byCluster = map.colour === "cluster";
  map.entries.forEach(({ swatch, rank }) => {
    swatch.style.background = byCluster ? map.classes.colours[rank] : map.theme.grey;
  });
};

// Bar: the cluster's share of the selection. Line: its share of all rows. Equal means in proportion.
const paintLegend = (map, tallies, taken) => {
  const share = (entry) => (taken ? tallies[entry.rank] / taken : 0);
  const shares = map.entries.flatMap((entry) => [share(entry), entry.total / map.cloud.n]);
  const widest = Math.max(...shares, 1e-9);
  const percent = (value) => `${((value / widest) * 100).toFixed(1)}%`;
  for (const entry of map.entries) {
    const pressed = String(map.isolated === entry.id);
    say(entry.number, `${fmt(tallies[entry.rank])} / ${fmt(entry.total)}`);
    entry.bar.style.width = percent(share(entry));
    entry.pool.style.left = percent(entry.total / map.cloud.n);
    if (entry.node.getAttribute("aria-pressed") !== pressed) entry.node.setAttribute("aria-pressed", pressed);
    entry.node.classList.toggle("wn-off", map.isolated !== null && pressed === "false");
  }
};

const paintThreshold = (map, eligible) => {
  const { judge, parts, level } = map;
  show(parts.histogram, Boolean(judge));
  show(parts.ticks, Boolean(judge));
  parts.threshold.disabled = !judge;
  say(parts.judgeName, judge ? judge.name : "");
  parts.judgeName.title = judge ? judge.name : "";
  if (!judge) {
    say(parts.thresholdText, `${rowsWord(eligible.rows)} eligible`);
    parts.threshold.value = 0;
    return say(parts.thresholdNote, map.cloud.judges.length ? "" : NO_SCORES);
  }
  const at = level ?? 0;
  const score = scoreText(judge.levels[at]);
  const about = eligible.exact ? "" : "up to ";
  say(parts.thresholdText, `score ≥ ${score} · ${about}${rowsWord(eligible.rows)} eligible`);
  parts.threshold.max = map.axis.max;
  parts.threshold.value = map.axis.place[at];
  const spoken = `score at least ${score}, ${rowsWord(eligible.rows)} eligible`;
  parts.threshold.setAttribute("aria-valuetext", spoken);
  fadeBars(map);
  const { unscored } = judge;
  say(parts.thresholdNote, unscored ? `${rowsWord(unscored)} without a score, never eligible here` : "");
};

// What the count is taken from: pins add rows that are not eligible, and leave some out.
const poolWord = ({ move, level }, eligible, limit) => {
  if (move.limited && level === move.level) return move.limited;
  if (limit === eligible.rows) return "eligible";
  if (limit > eligible.rows) return "eligible or pinned";
  return move.pins.exclude ? "eligible and not excluded" : "that can be taken";
};
const paintCount = (map, eligible, limit) => {
  const { parts, count } = map;
  if (map.steps?.[map.steps.length - 1] !== Math.max(limit, 1)) map.steps = countSteps(limit);
  const taken = Math.min(count, limit);
  parts.count.max = map.steps.length - 1;
  parts.count.value = nearestStep(map.steps, taken);
  parts.count.setAttribute("aria-valuetext", `${fmt(taken)} of ${fmt(limit)} rows`);
  if (document.activeElement !== parts.number) parts.number.value = fmt(count);
  say(parts.countText, `${fmt(taken)} of ${fmt(limit)} ${poolWord(map, eligible, limit)}`);
  say(parts.countNote, count > limit ? `All that can be taken: fewer than the ${fmt(count)} asked for` : "");
};

const paintRail = (map) => {
  const { eligible, limit, tallies, taken } = map.figures;
  paintThreshold(map, eligible);
  paintCount(map, eligible, limit);
  paintLegend(map, tallies, taken);
};
