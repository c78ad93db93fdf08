// Names of clusters where most of their points lie, and what is known here of the point under the pointer.
const BINS = 40; // cells a side, among which the fullest one of a cluster is looked for
const ROOM = 24000; // square pixels of the map to a name: between too many and too few to find one's way
const LONGEST = 28; // characters of a name

// A cluster may lie in several places: its name stands at the mean of the points in and around its fullest cell.
const placesOf = ({ x, y, drawn, cluster, clusters }) => {
  const bin = (value) => Math.floor((value * BINS) / (EXTENT + 1));
  const counts = clusters.map(() => new Uint32Array(BINS * BINS));
  for (let i = 0; i < drawn; i++) counts[cluster[i]][bin(y[i]) * BINS + bin(x[i])]++;
  const fullest = counts.map((cells) => cells.indexOf(Math.max(...cells)));
  const sums = clusters.map(() => [0, 0, 0]);
  for (let i = 0; i < drawn; i++) {
    const cell = fullest[cluster[i]];
    const isNear = Math.abs(bin(x[i]) - (cell % BINS)) < 2 && Math.abs(bin(y[i]) - Math.floor(cell / BINS)) < 2;
    if (!isNear) continue;
    const sum = sums[cluster[i]];
    sum[0] += x[i];
    sum[1] += y[i];
    sum[2]++;
  }
  return sums.map(([left, top, count]) => (count ? [left / count, top / count] : null));
};

// Two of its words are enough where the legend has all of them.
const shortName = (name) => {
  const short = name.split(", ").slice(0, 2).join(", ");
  return short.length > LONGEST ? `${short.slice(0, LONGEST - 1)}…` : short;
};

// The largest first; a name that would lie on another one is left out, and comes as one zooms in.
const namesOf = (map, context) => {
  const { cloud, size, isolatedIndex } = map;
  const most = Math.max(4, Math.floor((size.width * size.height) / ROOM));
  const placed = [];
  cloud.places ??= placesOf(cloud);
  cloud.clusters.forEach(({ id, name }, rank) => {
    if (id < 0 || !cloud.places[rank] || placed.length >= most) return;
    if (isolatedIndex >= 0 && isolatedIndex !== rank) return;
    const [left, top] = toPixel(map, ...cloud.places[rank]);
    if (left < 0 || top < 0 || left > size.width || top > size.height) return;
    const text = shortName(name);
    const half = context.measureText(text).width / 2 + 4;
    const at = [clamp(left, half, Math.max(half, size.width - half)), clamp(top, 10, size.height - 10)];
    const isFree = placed.every(({ at: other, half: width }) =>
      Math.abs(other[0] - at[0]) > half + width || Math.abs(other[1] - at[1]) > 20);
    if (isFree) placed.push({ text, at, half });
  });
  return placed;
};

const paintNames = (map, context) => {
  if (map.isNameless) return;
  const { theme } = map;
  context.font = `600 12px ${getComputedStyle(map.parts.root).fontFamily}`;
  Object.assign(context, {
    textAlign: "center", textBaseline: "middle", lineJoin: "round", lineWidth: 4,
    strokeStyle: theme.background, fillStyle: theme.text,
  });
  map.named = namesOf(map, context);
  for (const { text, at } of map.named) {
    context.strokeText(text, ...at);
    context.fillText(text, ...at);
  }
};
const toggleNames = (map, button) => {
  map.isNameless = !map.isNameless;
  map.named = [];
  button.setAttribute("aria-pressed", String(!map.isNameless));
  schedule(map, "overlay");
};

// --- the point under the pointer ---------------------------------------------------------------------

const standing = ({ mask, eligible, move }, i) => {
  if (move.pinned?.[i]) return "pinned in";
  if (move.excluded?.[i]) return "excluded";
  if (mask[i]) return "selected";
  return eligible[i] ? "eligible, not selected" : "not eligible";
};
const tipText = (map, i) => {
  const { cloud, judge } = map;
  const scored = judge && judge.codes[i] !== UNSCORED;
  const score = judge ? `${judge.name} ${scored ? scoreText(judge.levels[judge.codes[i]]) : "unscored"}` : "";
  return `${cloud.clusters[cloud.cluster[i]].name}\n${[score, standing(map, i)].filter(Boolean).join(" · ")}`;
};
const paintTip = (map) => {
  const { parts, pointer, size } = map;
  const isAsked = pointer && map.move && map.mask && !map.gesture && map.tool === "pan";
  const point = isAsked ? nearest(map, ...pointer, NEAR) : -1;
  parts.overlay.classList.toggle("wn-near", point >= 0);
  show(parts.tip, point >= 0);
  if (point < 0) return;
  say(parts.tip, tipText(map, point));
  const [left, top] = toPixel(map, map.cloud.x[point], map.cloud.y[point]);
  const { offsetWidth: width, offsetHeight: height } = parts.tip;
  const across = left + 14 + width > size.width ? left - 14 - width : left + 14;
  const down = clamp(top - height / 2, 4, Math.max(4, size.height - height - 4));
  parts.tip.style.transform = `translate(${Math.max(4, Math.round(across))}px, ${Math.round(down)}px)`;
};
// Once a frame at most; a finger has no pointer that hovers.
const hover = (map, event) => {
  map.pointer = event?.pointerType === "mouse" ? pointAt(map, event) : null;
  map.hovering ??= requestAnimationFrame(() => {
    map.hovering = null;
    paintTip(map);
  });
};
