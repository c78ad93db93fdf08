// The map's toolbar, its badges and action bar, and the keyboard.
const HELP = "Arrow keys move the crosshair, with Shift they draw a box. Enter opens the nearest row, "
  + "I includes, E excludes, U undoes, + − 0 zoom, Escape cancels.";
const TOOLS = [["pan", "Pan", "Drag to move the map, click a point to read its row"],
  ["lasso", "Lasso", "Draw around the rows to include or exclude"],
  ["box", "Box", "Draw a box around rows, also with Shift and drag"]];
let instances = 0;

const buildTools = (map) => {
  const { parts } = map;
  parts.colour = el("select", "wn-select", {
    "aria-label": "Colour by", onchange: (event) => setColour(map, event.target.value),
  });
  parts.tools = TOOLS.map(([tool, label, title]) =>
    button(label, tool, { title, "aria-pressed": "false", onclick: () => setTool(map, tool) }));
  parts.undo = button("Undo", "undo", {
    title: "Undo the last include, exclude or clear (U)", onclick: () => pin(map, "undo"),
  });
  const reset = button("Reset view", "reset", {
    title: "Show the whole map (0)", onclick: () => resetView(map),
  });
  return el("div", "wn-bar", { role: "toolbar", "aria-label": "Map" },
    el("label", "wn-colour", {}, el("span", "", {}, "Colour by"), parts.colour),
    el("div", "wn-tools", { role: "group", "aria-label": "Tool" }, ...parts.tools),
    el("div", "wn-tools", {}, parts.undo, reset));
};

const buildOverlay = (map) => {
  const overlay = el("canvas", "wn-overlay", {
    onpointerdown: (event) => onDown(map, event),
    onpointermove: (event) => onMove(map, event),
    onpointerup: (event) => onUp(map, event),
    onpointercancel: () => cancelGesture(map),
    onpointerleave: () => hover(map, null),
  });
  overlay.addEventListener("wheel", (event) => onWheel(map, event), { passive: false });
  return overlay;
};

const buildZooms = (map) => {
  const zoom = (name, label, factor) => el("button", "wn-zoom", {
    type: "button", title: label, "aria-label": label,
    onclick: () => zoomAt(map, factor, map.size.width / 2, map.size.height / 2),
  }, icon(ICONS[name]));
  const names = el("button", "wn-zoom", {
    type: "button", title: "Names of clusters on the map", "aria-label": "Names of clusters on the map",
    "aria-pressed": "true", onclick: () => toggleNames(map, names),
  }, icon(ICONS.names));
  return el("div", "wn-zooms", {}, names, zoom("plus", "Zoom in (+)", 1 / 1.5), zoom("minus", "Zoom out (−)", 1.5));
};

const buildStage = (map) => {
  const { parts } = map;
  const helpId = `wn-help-${++instances}`;
  const bar = buildTools(map);
  parts.plot = el("div", "wn-plot", { role: "img" });
  parts.overlay = buildOverlay(map);
  parts.badge = el("div", "wn-badge", { hidden: true },
    el("b", "", {}, "Draft"), el("span", "", {}, "positions will still change"));
  parts.status = el("div", "wn-status", { hidden: true, role: "status" });
  parts.key = el("div", "wn-key", { hidden: true });
  parts.tip = el("div", "wn-tip", { hidden: true, "aria-hidden": "true" });
  parts.actions = el("div", "wn-actions", { hidden: true, role: "group", "aria-label": "Selected rows" });
  parts.stage = el("div", "wn-stage", {
    tabindex: 0, role: "application", "aria-label": "Map of the rows", "aria-describedby": helpId,
    onkeydown: (event) => onKey(map, event),
  }, parts.plot, parts.overlay, parts.badge, parts.status, parts.key, buildZooms(map), parts.actions, parts.tip,
  el("div", "wn-help", { id: helpId }, HELP));
  parts.foot = el("div", "wn-foot");
  return el("div", "wn-map", {}, bar, parts.stage, parts.foot);
};

const colourOptions = ({ judges, lengths }) => [
  ["cluster", "Cluster"],
  ...judges.map(({ name }) => [`judge:${name}`, `Score: ${name}`]),
  ["selected", "Selected or not"],
  ["length", `Length (${lengths.unit})`],
];

const paintToolbar = (map) => {
  const { parts, cloud } = map;
  if (map.optionsOf !== cloud.id) {
    map.optionsOf = cloud.id;
    const options = colourOptions(cloud).map(([value, label]) => el("option", "", { value }, label));
    parts.colour.replaceChildren(...options);
  }
  parts.colour.value = map.colour;
  parts.tools.forEach((node, i) => node.setAttribute("aria-pressed", String(TOOLS[i][0] === map.tool)));
  parts.undo.disabled = !map.move.pins.canUndo;
  parts.overlay.dataset.tool = map.tool;
};

const footText = ({ cloud, move }) => {
  const { n, drawn, note } = cloud;
  const points = drawn < n
    ? `${fmt(drawn)} of ${fmt(n)} points drawn; all counts are exact`
    : `${fmt(n)} points`;
  const { include, exclude } = move.pins;
  const pins = include || exclude ? `${fmt(include)} pinned in, ${fmt(exclude)} excluded` : "";
  return [points, pins, note].filter(Boolean).join(" · ");
};

const paintStatus = ({ parts }, text, isBusy) => {
  show(parts.status, Boolean(text) || isBusy);
  parts.status.classList.toggle("wn-busy", isBusy);
  say(parts.status, text || (isBusy ? "Computing the order" : ""));
};

const paintFrame = (map) => {
  const { parts, cloud, move } = map;
  paintToolbar(map);
  show(parts.badge, cloud.draft);
  paintStatus(map, move.message || map.failure, Boolean(move.pending));
  say(parts.foot, footText(map));
  parts.foot.title = parts.foot.textContent;
  paintActions(map);
  paintKey(map);
};

// What the colours mean, where the legend of clusters does not say it.
const chip = (mark, text) => el("span", "wn-chip", {}, mark, text);
const swatchOf = (colour) => {
  const swatch = el("span", "wn-swatch");
  swatch.style.background = colour;
  return swatch;
};
const rampOf = (colours) => {
  const node = el("span", "wn-ramp");
  const edge = (i) => `${(i / colours.length) * 100}%`;
  const stops = colours.map((colour, i) => `${colour} ${edge(i)} ${edge(i + 1)}`);
  node.style.background = `linear-gradient(90deg, ${stops.join(", ")})`;
  return node;
};
const keyOf = ({ cloud, classes, colour, theme }) => {
  const { min, max, unit } = cloud.lengths;
  if (colour === "length") return [fmt(min), rampOf(classes.colours), `${fmt(max)} ${unit}`];
  if (colour === "selected") {
    return [chip(swatchOf(theme.primary), "Selected"), chip(swatchOf(theme.pool), "Eligible"),
      chip(swatchOf(theme.dim), "Not eligible"), chip(el("span", "wn-ring"), "Pinned in"),
      chip(el("span", "wn-cross", {}, "×"), "Excluded")];
  }
  const judge = cloud.judges.find(({ name }) => colour === `judge:${name}`);
  if (!judge) return [];
  const ends = [judge.levels[0], judge.levels.at(-1)].map((level) => scoreText(level, 3));
  const unscored = judge.unscored ? [chip(swatchOf(theme.grey), "Unscored")] : [];
  return [ends[0], rampOf(classes.colours.slice(0, -1)), ends[1], ...unscored];
};
const paintKey = (map) => {
  const content = keyOf(map);
  show(map.parts.key, content.length > 0);
  map.parts.key.replaceChildren(...content);
};

// What Include and Exclude are about: the outline, else the isolated cluster, else the opened row.
const target = (map) => {
  const cluster = map.isolated;
  if (map.selection) return { polygon: map.selection.polygon, ...(cluster === null ? {} : { cluster }) };
  if (cluster !== null) return { cluster };
  return map.opened < 0 ? null : { rows: [rowOf(map, map.opened)] };
};
const targetText = (map) => {
  const entry = map.entries?.find(({ id }) => id === map.isolated);
  const drawn = map.cloud.drawn < map.cloud.n ? " drawn" : "";
  if (map.selection) return `${rowsWord(map.selection.count)}${drawn}${entry ? ` of ${entry.name}` : ""}`;
  if (entry) return `${rowsWord(entry.total)} of ${entry.name}`;
  return map.opened < 0 ? "" : `Row ${fmt(rowOf(map, map.opened) + 1)}`;
};
const paintActions = (map) => {
  const { actions } = map.parts;
  const text = targetText(map);
  show(actions, Boolean(text));
  if (!text || actions.dataset.text === text) return void (actions.dataset.text = text);
  actions.dataset.text = text;
  const act = (label, op, title) => button(label, null, { title, onclick: () => pin(map, op) });
  actions.replaceChildren(...[
    el("span", "wn-count", { title: text }, text),
    act("Include", "include", "Always select these rows (I)"),
    act("Exclude", "exclude", "Never select these rows (E)"),
    act("Clear pins", "clear", "Let the threshold and the count decide again"),
    map.cloud.draft ? null : act("More like these", "like", "Find the rows that are nearest to these"),
    button("Cancel", null, { title: "Drop this selection (Escape)", onclick: () => escape(map) }),
  ].filter(Boolean));
};

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STRIDE = 14; // pixels

const moveCrosshair = (map, [dx, dy], extend) => {
  const { width, height } = map.size;
  const [left, top] = map.crosshair ?? [width / 2, height / 2];
  if (extend) map.anchor ??= toData(map, left, top);
  else map.anchor = null;
  const to = [left + dx * STRIDE, top + dy * STRIDE];
  const at = [clamp(to[0], 0, width), clamp(to[1], 0, height)];
  const { x, y, unit } = map.view;
  // At the edge the map moves instead.
  map.view = { x: x + (to[0] - at[0]) * unit, y: y - (to[1] - at[1]) * unit, unit };
  map.crosshair = at;
  if (extend) select(map, boxOf(toPixel(map, ...map.anchor), at));
  schedule(map, to[0] === at[0] && to[1] === at[1] ? "overlay" : "view");
};

const openNearest = (map) => {
  const [left, top] = map.crosshair ?? [map.size.width / 2, map.size.height / 2];
  let point = -1;
  for (let reach = NEAR; point < 0 && reach < 8000; reach *= 2) point = nearest(map, left, top, reach);
  openPoint(map, point);
};

const keyActions = (map, event) => {
  const { width, height } = map.size;
  const zoom = (factor) => () => zoomAt(map, factor, ...(map.crosshair ?? [width / 2, height / 2]));
  const decide = (op) => () => pin(map, op);
  if (event.ctrlKey || event.metaKey || event.altKey) return { z: decide("undo") };
  return {
    enter: () => openNearest(map), escape: () => escape(map),
    i: decide("include"), e: decide("exclude"), u: decide("undo"),
    "+": zoom(1 / 1.25), "=": zoom(1 / 1.25), "-": zoom(1.25), 0: () => resetView(map),
  };
};

const onKey = (map, event) => {
  // Buttons inside the stage keep their own keys, Escape aside.
  if (!map.move || (event.target !== map.parts.stage && event.key !== "Escape")) return;
  const arrow = ARROWS[event.key];
  const action = arrow
    ? () => moveCrosshair(map, arrow, event.shiftKey)
    : keyActions(map, event)[event.key.toLowerCase()];
  if (!action) return;
  event.preventDefault();
  // Streamlit has keys of its own.
  event.stopPropagation();
  action();
};
