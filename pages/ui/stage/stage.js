// Scenes one after another over the whole window. Text goes in as textContent only: names come from people.
const NEXT = new Set(["ArrowRight", "ArrowDown", "PageDown", " "]);
const BACK = new Set(["ArrowLeft", "ArrowUp", "PageUp"]);
const stages = new WeakMap();

const el = (tag, classes, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  if (classes) node.className = classes;
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
};

const pictureOf = (packed) => {
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  return URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
};

const slideOf = (stage, { name, note, decisions, lines, picture }, place, all) => {
  const address = pictureOf(picture);
  stage.addresses.push(address);
  const figures = lines.map(({ title, value, beside }) => el("div", "ws-figure", {},
    el("dt", "", {}, title), el("dd", "ws-value", {}, value), el("dd", "ws-beside", {}, beside)));
  const length = note.length > 420 ? " ws-long" : "";
  return el("section", "ws-slide", { "aria-roledescription": "slide", "aria-label": `${place + 1} of ${all}` },
    el("figure", "ws-picture", {},
      el("img", "", { src: address, alt: `Map with the rows of ${name}` }),
      el("figcaption", "", {},
        `Every point is a row of ${stage.of}; rows that ask for similar things lie close together. `
        + "Selected rows are coloured by cluster.")),
    el("div", `ws-words${length}`, {},
      el("h1", "", {}, name),
      ...(note ? [el("p", "ws-note", { tabindex: 0, onscroll: fade }, note)] : []),
      el("p", "ws-decisions", {}, decisions),
      el("dl", "ws-figures", {}, ...figures)));
};

// A note that goes on below fades out; keys and the wheel scroll it.
const fade = ({ target: note }) => {
  note.toggleAttribute("data-more", note.scrollHeight - note.clientHeight - note.scrollTop > 2);
};

const remember = (stage) => {
  try { sessionStorage.setItem("winnow.stage", String(stage.at)); } catch { stage.at = stage.at; }
};

const go = (stage, to) => {
  const last = stage.slides.length - 1;
  stage.at = Math.min(Math.max(to, 0), last);
  stage.slides.forEach((slide, place) => slide.toggleAttribute("data-shown", place === stage.at));
  stage.slides[stage.at].querySelectorAll(".ws-note").forEach((target) => fade({ target }));
  stage.back.disabled = stage.at === 0;
  stage.next.disabled = stage.at === last;
  stage.count.textContent = `${stage.at + 1} of ${last + 1}`;
  if (document.activeElement?.disabled || !stage.dialog.contains(document.activeElement)) stage.dialog.focus();
  remember(stage);
};

const leave = (stage) => {
  if (stage.left) return;
  stage.left = true;
  if (document.fullscreenElement) document.exitFullscreen();
  stage.dialog.close();
  stage.say("leave", stage.at + 1);
};

const toggleFull = async (stage) => {
  if (document.fullscreenElement) await document.exitFullscreen();
  else await document.documentElement.requestFullscreen?.();
};

const onKey = (stage, event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const onButton = event.target.tagName === "BUTTON" && (event.key === " " || event.key === "Enter");
  const { note } = event.target.classList.contains("ws-note") ? { note: event.target } : {};
  const scrolls = note && note.scrollHeight > note.clientHeight && event.key.match(/^Arrow(Up|Down)$/);
  if (onButton || scrolls) return;
  if (NEXT.has(event.key)) go(stage, stage.at + (event.shiftKey && event.key === " " ? -1 : 1));
  else if (BACK.has(event.key)) go(stage, stage.at - 1);
  else if (event.key === "Home") go(stage, 0);
  else if (event.key === "End") go(stage, stage.slides.length - 1);
  else if (event.key === "f" || event.key === "F") toggleFull(stage);
  else return;
  event.preventDefault();
};

const bar = (stage) => {
  const button = (label, title, onclick) => el("button", "", { type: "button", title, onclick }, label);
  stage.back = button("Previous", "Arrow left", () => go(stage, stage.at - 1));
  stage.next = button("Next", "Arrow right or Space", () => go(stage, stage.at + 1));
  stage.full = button("Full screen", "F", () => toggleFull(stage));
  stage.count = el("span", "ws-count", { "aria-live": "polite" });
  return el("div", "ws-bar", {}, el("span", "ws-of", {}, stage.of), stage.count, el("div", "ws-buttons", {},
    stage.back, stage.next, stage.full, button("Leave", "Escape", () => leave(stage))));
};

const firstOf = ({ start, slides }) => {
  if (start !== null) return start;
  try { return Math.min(Number(sessionStorage.getItem("winnow.stage")) || 0, slides.length - 1); } catch { return 0; }
};

const build = (parent, data, say) => {
  const stage = { of: data.of, at: 0, addresses: [], say, left: false };
  stage.slides = data.slides.map((slide, place) => slideOf(stage, slide, place, data.slides.length));
  stage.dialog = el("dialog", "ws-stage", {
    tabindex: -1, "aria-label": "Presentation",
    onkeydown: (event) => onKey(stage, event),
    oncancel: (event) => { event.preventDefault(); leave(stage); },
  }, el("div", "ws-slides", {}, ...stage.slides), bar(stage));
  stage.onFull = () => { stage.full.textContent = document.fullscreenElement ? "Exit full screen" : "Full screen"; };
  document.addEventListener("fullscreenchange", stage.onFull);
  parent.append(stage.dialog);
  stage.dialog.showModal();
  stage.dialog.focus();
  go(stage, firstOf(data));
  return stage;
};

export default ({ parentElement, data, setTriggerValue }) => {
  if (!stages.has(parentElement)) stages.set(parentElement, build(parentElement, data, setTriggerValue));
  return () => {
    const stage = stages.get(parentElement);
    stages.delete(parentElement);
    document.removeEventListener("fullscreenchange", stage.onFull);
    stage.addresses.forEach((address) => URL.revokeObjectURL(address));
    stage.dialog.remove();
  };
};
