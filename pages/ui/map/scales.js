// Colours, numbers in words, and the steps of the count slider.
const number = new Intl.NumberFormat("en-US");
const fmt = (value) => number.format(value);
const rowsWord = (count) => (count === 1 ? "1 row" : `${fmt(count)} rows`);
const scoreText = (value, digits = 4) => String(Number(value.toPrecision(digits)));
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

const VIRIDIS = ["#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725"];
const CIVIDIS = ["#00224e", "#35456c", "#666970", "#948e77", "#c8b866", "#fee838"];

const rgb = (colour) => {
  const hex = colour.trim().match(/^#([0-9a-f]{3,8})$/i)?.[1];
  if (!hex) return (colour.match(/[\d.]+/g) ?? [128, 128, 128]).slice(0, 3).map(Number);
  const wide = hex.length < 6 ? [...hex].map((digit) => digit + digit).join("") : hex;
  return [0, 2, 4].map((at) => parseInt(wide.slice(at, at + 2), 16));
};
const css = (channels) => `rgb(${channels.map((c) => Math.round(clamp(c, 0, 255))).join(",")})`;
const mix = (from, to, share) => {
  const [a, b] = [rgb(from), rgb(to)];
  return css(a.map((channel, i) => channel + (b[i] - channel) * share));
};
const luminance = (colour) => {
  const [r, g, b] = rgb(colour);
  return (0.299 * r + 0.587 * g + 0.114 * b) / 255;
};

// ON_LIGHT and ON_DARK come with the script: six hexadecimal digits a colour, as in every other face.
const clusterColour = (rank, dark) => {
  const colours = dark ? ON_DARK : ON_LIGHT;
  return `#${colours.substr((rank * 6) % colours.length, 6)}`;
};

// The ends of a ramp that would drown in the background are left out.
const ramp = (stops, share, dark) => {
  const at = (dark ? 0.16 + share * 0.84 : share * 0.92) * (stops.length - 1);
  const low = Math.min(Math.floor(at), stops.length - 2);
  return mix(stops[low], stops[low + 1], at - low);
};

// Counts that a person would say: two significant digits, then everything.
const countSteps = (max) => {
  const steps = [];
  for (let decade = 1; decade <= max; decade *= 10) {
    for (let n = decade === 1 ? 1 : 10 * decade; n < 100 * decade && n < max; n += decade) steps.push(n);
  }
  return [...steps, Math.max(max, 1)];
};
const nearestStep = (steps, count) => {
  const above = steps.findIndex((step) => step >= count);
  if (above < 1) return above < 0 ? steps.length - 1 : 0;
  return steps[above] - count < count - steps[above - 1] ? above : above - 1;
};
