// The plotly figure: 1 + 2k scattergl traces, where k is the number of colours. Points of one colour
// share a trace, since a colour per point costs plotly three times as much as the drawing itself.
//   0            rows that are not eligible, or not of the isolated cluster
//   1 .. k       eligible rows, faint
//   k+1 .. 2k    chosen rows

// Which colour every point has: codes into colours. Rebuilt on a change of colour, theme or cloud only.
// Grey (noise, unscored) comes last in the legend and is drawn first, below all others: slots say where.
const classesOf = (map) => {
  const classes = namedClasses(map);
  const k = classes.colours.length;
  const shift = k > 1 && classes.colours[k - 1] === map.theme.grey ? 1 : 0;
  const slots = classes.colours.map((_, code) => (code + shift) % k);
  const inSlot = slots.map((_, slot) => classes.colours[(slot - shift + k) % k]);
  return { ...classes, slots, inSlot };
};

const namedClasses = (map) => {
  const { cloud, theme } = map;
  const shades = (stops, count) =>
    Array.from({ length: count }, (_, i) => ramp(stops, count < 2 ? 0.5 : i / (count - 1), theme.dark));
  if (map.colour === "selected") return { codes: new Uint8Array(cloud.drawn), colours: [theme.primary] };
  if (map.colour === "length") {
    return { codes: cloud.length, colours: shades(CIVIDIS, cloud.lengths.edges.length + 1) };
  }
  const judge = cloud.judges.find(({ name }) => map.colour === `judge:${name}`);
  if (judge) return scoreClasses(judge, shades, theme);
  const colours = cloud.clusters.map(({ id }, rank) => (id < 0 ? theme.grey : clusterColour(rank, theme.dark)));
  return { codes: cloud.cluster, colours };
};

const SHADES = 10;
const scoreClasses = ({ levels, codes }, shades, theme) => {
  const count = Math.min(levels.length, SHADES);
  const [low, high] = [levels[0], levels[levels.length - 1]];
  const bin = (value) => {
    if (levels.length <= SHADES) return levels.indexOf(value);
    return Math.min(count - 1, Math.floor(((value - low) / (high - low)) * count));
  };
  const lookup = new Uint8Array(256).fill(count);
  levels.forEach((value, i) => (lookup[i] = bin(value)));
  const colours = [...shades(VIRIDIS, count), theme.grey];
  return { codes: codes.map((code) => lookup[code]), colours, colourOf: (value) => colours[bin(value)] };
};

// For every point: 0 dimmed, 1 eligible. The threshold, exclusions and the isolated cluster decide.
const eligiblePoints = (map) => {
  const { cloud, judge } = map;
  const eligible = new Uint8Array(cloud.drawn).fill(1);
  if (judge) {
    const level = map.level ?? 0;
    for (let i = 0; i < eligible.length; i++) {
      if (judge.codes[i] < level || judge.codes[i] === UNSCORED) eligible[i] = 0;
    }
  }
  const { excluded } = map.move;
  if (excluded) for (let i = 0; i < eligible.length; i++) if (excluded[i]) eligible[i] = 0;
  return eligible;
};

// Points of each group as coordinate arrays; group of a point: codes[i], or -1 to leave it out.
const split = (map, groups, groupOf) => {
  const { x, y, drawn } = map.cloud;
  const counts = new Uint32Array(groups);
  const codes = new Int16Array(drawn);
  for (let i = 0; i < drawn; i++) {
    codes[i] = groupOf(i);
    if (codes[i] >= 0) counts[codes[i]]++;
  }
  const xs = Array.from(counts, (count) => new Float32Array(count));
  const ys = Array.from(counts, (count) => new Float32Array(count));
  const at = new Uint32Array(groups);
  for (let i = 0; i < drawn; i++) {
    const group = codes[i];
    if (group < 0) continue;
    xs[group][at[group]] = x[i];
    ys[group][at[group]++] = y[i];
  }
  return { xs, ys };
};

const layers = (map, withPool) => {
  const { codes, slots } = map.classes;
  const { cluster } = map.cloud;
  const { mask, eligible } = map;
  const only = map.isolatedIndex;
  const seen = (i) => only < 0 || cluster[i] === only;
  const k = slots.length;
  const chosen = split(map, k, (i) => (mask[i] && seen(i) ? slots[codes[i]] : -1));
  if (!withPool) return { ...chosen, from: k + 1 };
  const pool = split(map, k + 1, (i) => (eligible[i] && seen(i) ? slots[codes[i]] + 1 : 0));
  return { xs: [...pool.xs, ...chosen.xs], ys: [...pool.ys, ...chosen.ys], from: 0 };
};

// Small where there are many points, and larger as a person comes closer.
const markerSize = ({ cloud, growth }) =>
  growth * clamp(7.5 - Math.log10(Math.max(cloud.drawn, 300)) * 0.98, 2, 5);
const growthOf = (map) => clamp((fitView(map).unit / map.view.unit) ** 0.3, 1, 2.6);
// Few chosen points stand out, many leave each other room.
const CROWD = 8000;
const markerSizes = (map) => {
  const size = markerSize(map);
  const k = map.classes.colours.length;
  const taken = Math.max(map.figures.taken, 1) * (map.cloud.drawn / map.cloud.n);
  const more = clamp(2 - Math.log10(taken / 1000), 0.5, 2.5);
  return [size - 0.5, ...Array(k).fill(size), ...Array(k).fill(size + Math.round(more * 4) / 4)];
};
// Restyling sizes costs as much as the points themselves: only when they differ from what is shown.
const looksOf = (map) => `${markerSizes(map).at(-1)} ${edgeWidth(map)}`;
const looks = (map, from) => {
  map.looks = looksOf(map);
  const sizes = markerSizes(map);
  // Only chosen points have an edge: on the faint ones it would be drawn in plotly's own dark grey.
  const widths = sizes.map((_, i) => (i > map.classes.colours.length ? edgeWidth(map) : 0));
  return { "marker.size": sizes.slice(from), "marker.line.width": widths.slice(from) };
};
const edgeWidth = (map) => (map.figures.taken > CROWD ? 0 : 0.6);

const traces = (map) => {
  const { xs, ys } = layers(map, true);
  const { inSlot } = map.classes;
  const { theme } = map;
  const k = inSlot.length;
  map.growth = growthOf(map);
  const sizes = markerSizes(map);
  map.looks = looksOf(map);
  const faint = (i) => (map.colour === "selected" ? theme.pool : mix(inSlot[i - 1], theme.background, 0.45));
  const edge = { color: theme.background, width: edgeWidth(map) };
  const marker = (i) => {
    if (i === 0) return { color: theme.dim, opacity: 0.4 };
    if (i <= k) return { color: faint(i), opacity: 0.45 };
    return { color: inSlot[i - k - 1], opacity: 1, line: edge };
  };
  return xs.map((x, i) => ({
    type: "scattergl",
    mode: "markers",
    x,
    y: ys[i],
    hoverinfo: "skip",
    marker: { ...marker(i), size: sizes[i] },
  }));
};

const ranges = ({ view, size }) => {
  const [halfX, halfY] = [(size.width / 2) * view.unit, (size.height / 2) * view.unit];
  return { "xaxis.range": [view.x - halfX, view.x + halfX], "yaxis.range": [view.y - halfY, view.y + halfY] };
};

const layoutOf = (map) => {
  const { "xaxis.range": x, "yaxis.range": y } = ranges(map);
  const axis = { visible: false, fixedrange: true, autorange: false };
  return {
    width: map.size.width,
    height: map.size.height,
    margin: { l: 0, r: 0, t: 0, b: 0 },
    xaxis: { ...axis, range: x },
    yaxis: { ...axis, range: y },
    showlegend: false,
    hovermode: false,
    dragmode: false,
    paper_bgcolor: map.theme.background,
    plot_bgcolor: map.theme.background,
  };
};

// staticPlot: no hover, drag or selection layers of plotly; the overlay does all of that itself.
const drawFigure = (map) => {
  const { plot } = map.parts;
  showView(map);
  map.Plotly.react(plot, traces(map), layoutOf(map), {
    staticPlot: true,
    plotGlPixelRatio: Math.min(2, window.devicePixelRatio || 1),
  });
  if (!map.watchesLoss) {
    map.watchesLoss = true;
    plot.on("plotly_webglcontextlost", () => {
      map.Plotly.purge(plot);
      map.watchesLoss = false;
      schedule(map, "figure");
    });
  }
};

const drawLayers = (map, withPool) => {
  const { xs, ys, from } = layers(map, withPool);
  const change = { x: xs, y: ys, ...(looksOf(map) === map.looks ? {} : looks(map, from)) };
  map.Plotly.restyle(map.parts.plot, change, xs.map((_, i) => from + i));
};

// A new view costs a whole drawing: between two of them the picture is moved as it is.
const drawView = (map) => {
  const { plot } = map.parts;
  const now = performance.now();
  const { width, height } = map.size;
  const { shown, view } = map;
  if (now - map.viewAt < 3 * map.viewCost) {
    const [left, top] = toPixel(map, shown.x, shown.y);
    const scale = shown.unit / view.unit;
    plot.style.transform = `translate(${left - width / 2}px, ${top - height / 2}px) scale(${scale})`;
    return schedule(map, "view");
  }
  showView(map);
  map.Plotly.relayout(plot, ranges(map));
  if (Math.abs(growthOf(map) / map.growth - 1) > 0.12 && !map.gesture) {
    map.growth = growthOf(map);
    map.Plotly.restyle(plot, { "marker.size": markerSizes(map) });
  }
  requestAnimationFrame(() => (map.viewCost = Math.min(performance.now() - now, 120)));
};
const showView = (map) => {
  map.shown = map.view;
  map.viewAt = performance.now();
  map.parts.plot.style.transform = "";
};

const destroyFigure = (map) => {
  if (!map.Plotly) return;
  for (const canvas of map.parts.plot.querySelectorAll("canvas")) {
    canvas.getContext("webgl")?.getExtension("WEBGL_lose_context")?.loseContext();
  }
  map.Plotly.purge(map.parts.plot);
};

// The view: centre and packed units a pixel.
const fitView = ({ cloud, size }) => {
  const [left, right] = bounds(cloud.x);
  const [bottom, top] = bounds(cloud.y);
  const unit = 1.06 * Math.max((right - left) / size.width, (top - bottom) / size.height, 1);
  return { x: (left + right) / 2, y: (bottom + top) / 2, unit };
};
const bounds = (values) => {
  let [low, high] = [EXTENT, 0];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low > high ? [0, EXTENT] : [low, high];
};
const toPixel = ({ view, size }, x, y) => [
  (x - view.x) / view.unit + size.width / 2,
  size.height / 2 - (y - view.y) / view.unit,
];
const toData = ({ view, size }, left, top) => [
  (left - size.width / 2) * view.unit + view.x,
  (size.height / 2 - top) * view.unit + view.y,
];

const zoomAt = (map, factor, left, top) => {
  hover(map, null);
  const [x, y] = toData(map, left, top);
  const fit = fitView(map).unit;
  const unit = clamp(map.view.unit * factor, fit / 400, fit * 2);
  const share = unit / map.view.unit;
  map.view = { x: x + (map.view.x - x) * share, y: y + (map.view.y - y) * share, unit };
  schedule(map, "view");
};
