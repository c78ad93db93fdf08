// Small builders: text goes in as textContent only, since names come from files.
const SVG = "http://www.w3.org/2000/svg";

const fill = (node, attributes, children) => {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
};
const el = (tag, classes, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  if (classes) node.className = classes;
  return fill(node, attributes, children);
};
const svg = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, tag), attributes, children);

const icon = (path) =>
  svg("svg", { class: "wn-icon", viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: path }));
const ICONS = {
  pan: "M8 1v14M1 8h14M8 1 6 3M8 1l2 2M8 15l-2-2M8 15l2-2M1 8l2-2M1 8l2 2M15 8l-2-2M15 8l-2 2",
  lasso: "M5 11c-3-1-4-3-3-5 1-3 5-4 8-3s5 3 4 5-5 4-9 3c-2 0-2 2-1 4",
  box: "M2.5 3.5h11v9h-11z",
  undo: "M3 6h7a3.5 3.5 0 0 1 0 7H6M3 6l3-3M3 6l3 3",
  reset: "M2 6V2h4M14 6V2h-4M2 10v4h4M14 10v4h-4",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  names: "M3 13 8 3l5 10M5 9h6",
};

// Writing only what differs keeps a drag free of needless layout.
const say = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};
const show = (node, visible) => node.toggleAttribute("hidden", !visible);
const button = (label, iconName, attributes) =>
  el("button", "wn-button", { type: "button", ...attributes }, iconName ? icon(ICONS[iconName]) : null,
    el("span", "wn-label", {}, label));
