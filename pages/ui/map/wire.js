// Decodes the packets of wire.py. Points are positions among those drawn, rows positions in the dataset.
const ARRAYS = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array };
const UNSCORED = 255;
const EXTENT = 65535;

const unpack = (bytes) => {
  // A view into the message is not aligned: copy first.
  const buffer = bytes.slice().buffer;
  const view = new DataView(buffer);
  if (view.getUint32(0, true) !== 0x31574e57) throw new Error("This is not a map packet.");
  let at = 8 + view.getUint32(4, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, at - 8)));
  const arrays = {};
  for (const [name, kind, length] of header.arrays) {
    arrays[name] = new ARRAYS[kind](buffer, at, length);
    at += Math.ceil(arrays[name].byteLength / 4) * 4;
  }
  return { ...header, arrays };
};

const bitReader = (bytes) => {
  let at = 0;
  return () => (bytes[at >> 3] >> (7 - (at++ & 7))) & 1;
};

// A set as a mask with one byte a point; [code, count, k] as pack_set describes.
const unpackSet = ([code, count, k], bytes, size) => {
  const mask = new Uint8Array(size);
  const bit = bitReader(bytes);
  if (code === "bits") {
    for (let i = 0; i < count; i++) mask[i] = bit();
    return mask;
  }
  const member = code === "rice" ? 1 : 0;
  mask.fill(1 - member);
  for (let i = 0, last = -1; i < count; i++) {
    let gap = 0;
    while (bit()) gap++;
    for (let j = 0; j < k; j++) gap = gap * 2 + bit();
    last += 1 + gap;
    mask[last] = member;
  }
  return mask;
};

// Rows that pass each level, all rows of the dataset: exact without asking Python.
const rowsFrom = (counts) => {
  const sums = counts.slice();
  for (let i = sums.length - 2; i >= 0; i--) sums[i] += sums[i + 1];
  return sums;
};

const decodeCloud = (bytes) => {
  const { arrays, ...cloud } = unpack(bytes);
  cloud.judges.forEach((judge, i) => {
    judge.codes = arrays[`judge${i}`];
    judge.eligible = rowsFrom(judge.counts);
  });
  // A judge that scored nothing offers no threshold.
  cloud.judges = cloud.judges.filter(({ levels }) => levels.length);
  const { x, y, cluster, length, row } = arrays;
  return { ...cloud, x, y, cluster, length, row: row ?? null };
};

const decodeMove = (bytes, cloudOf) => {
  const { arrays, ...move } = unpack(bytes);
  const cloud = cloudOf(move.cloud);
  if (!cloud) return {};
  const set = (name) => (arrays[name] ? unpackSet(move[name], arrays[name], cloud.drawn) : null);
  const [first, held] = move.window;
  const [include, exclude, canUndo, ack] = move.pins;
  const chosen = set("chosen") ?? new Uint8Array(cloud.drawn);
  // From the start of the order the set is left out: it is the window's first entries.
  if (!first) for (let i = 0; i < held; i++) chosen[arrays.window[i]] = 1;
  const sets = { chosen, pinned: set("pinned"), excluded: set("excluded"), found: set("found") };
  const { window, ranks, by_cluster: byCluster } = arrays;
  const pins = { include, exclude, canUndo, ack };
  return { cloud, move: { ...move, ...sets, first, held, window, ranks, byCluster, pins } };
};
