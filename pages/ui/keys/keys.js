// Buttons with keys. A press bears what was on the screen; it is sent again until the server has taken it.
const SIGNS = { ArrowLeft: "←", ArrowRight: "→", ArrowDown: "↓", ArrowUp: "↑" };
const AGAIN = 4000; // milliseconds after which an unanswered press is sent again
const TYPED = "input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable=true], [role=slider], "
  + "[role=combobox], [role=listbox], [role=menu], [role=grid]";
const CHOSEN = "[role=radio], [role=tab], input[type=radio]"; // arrows move among these
const mounts = new WeakMap();

const sendFirst = (mount) => {
  clearTimeout(mount.timer);
  if (!mount.waiting.length) return;
  mount.say("pressed", mount.waiting[0]);
  mount.timer = setTimeout(() => sendFirst(mount), AGAIN);
};

const press = (mount, name) => {
  const { about } = mount.data;
  if (mount.waiting.some((each) => each.about === about && each.name === name)) return;
  mount.last = Math.max(mount.last + 1, mount.data.taken + 1);
  mount.waiting.push({ n: mount.last, about, name });
  if (mount.waiting.length === 1) sendFirst(mount);
};

const onKey = (mount, event) => {
  if (event.defaultPrevented || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  const { target } = event;
  const dialog = target.closest?.("[role=dialog]") ?? document.querySelector("[role=dialog]");
  if (!mount.root.isConnected || target.closest?.(TYPED) || (dialog && !dialog.contains(mount.root))) return;
  if (event.key.startsWith("Arrow") && target.closest?.(CHOSEN)) return;
  const meant = mount.data.groups.flat().find((each) => each.key.toLowerCase() === event.key.toLowerCase());
  if (!meant || meant.is_disabled) return;
  event.preventDefault();
  press(mount, meant.name);
};

// Buttons stay where they are from row to row, so that none loses the focus.
const drawGroup = (mount, group, buttons) => {
  while (group.children.length > buttons.length) group.lastChild.remove();
  buttons.forEach((each, place) => {
    const button = group.children[place] ?? group.appendChild(document.createElement("button"));
    const sign = SIGNS[each.key] ?? each.key.toUpperCase();
    if (button.dataset.name !== each.name || button.dataset.title !== each.title) {
      const kbd = document.createElement("kbd");
      kbd.textContent = sign;
      kbd.setAttribute("aria-hidden", "true");
      button.replaceChildren(each.title, ...(each.title === sign ? [] : [kbd]));
      Object.assign(button.dataset, { name: each.name, title: each.title });
      Object.assign(button, { type: "button", onclick: () => press(mount, each.name) });
      button.setAttribute("aria-label", each.title);
      button.setAttribute("aria-keyshortcuts", each.key);
    }
    button.disabled = each.is_disabled;
    if (each.is_said === null) button.removeAttribute("aria-pressed");
    else button.setAttribute("aria-pressed", String(each.is_said));
  });
};

const draw = (mount) => {
  const { groups, title } = mount.data;
  mount.root.setAttribute("aria-label", title);
  groups.forEach((buttons, place) => drawGroup(mount, mount.groups[place], buttons));
};

const build = (parent) => {
  const [root, row, ...groups] = Array.from({ length: 4 }, () => document.createElement("div"));
  const mount = { root, groups, waiting: [], last: 0, timer: 0 };
  row.className = "wk-groups";
  row.append(...groups);
  root.className = "wk-keys";
  root.setAttribute("role", "group");
  root.append(row);
  mount.listen = (event) => onKey(mount, event);
  document.addEventListener("keydown", mount.listen);
  parent.append(mount.root);
  return mount;
};

export default ({ parentElement, data, setTriggerValue }) => {
  const mount = mounts.get(parentElement) ?? build(parentElement);
  mounts.set(parentElement, mount);
  Object.assign(mount, { data, say: setTriggerValue });
  const before = mount.waiting.length;
  mount.waiting = mount.waiting.filter(({ n }) => n > data.taken);
  draw(mount);
  if (mount.waiting.length < before) sendFirst(mount);
  return () => setTimeout(() => {
    if (parentElement.isConnected) return;
    document.removeEventListener("keydown", mount.listen);
    clearTimeout(mount.timer);
    mount.root.remove();
    mounts.delete(parentElement);
  });
};
