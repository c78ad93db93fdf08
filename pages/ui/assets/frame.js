// What runs once a page stands: the early fetch, the way back after a lost connection, and pages asked for again.

const PAGES = "a[data-testid='stSidebarNavLink'], a[data-testid='stPageLink-NavLink']";
const [FIRST, LAST] = [1_000, 16_000]; // milliseconds until a page is asked for again, each time twice as many

const bare = (path) => path.replace(/\/$/, "");
// A link on a page has no address for the first page, and one without folders for the others.
const pathOf = (link) => bare(new URL(link.getAttribute("href") || ".", location.href).pathname);

// A part of the old page that asks for news at the same moment can undo on the server that another page was
// asked for: Streamlit makes one request of the two, for the page that the later one came from. So a page that
// does not come is asked for again, until it is there or the person does something else.
const askUntilThere = () => {
  let timer = 0;
  const later = (path, wait) => {
    timer = setTimeout(() => {
      if (bare(location.pathname) === path || wait > LAST) return;
      [...document.querySelectorAll(PAGES)].find((link) => pathOf(link) === path)?.click();
      later(path, 2 * wait);
    }, wait);
  };
  const notice = (event) => {
    if (!event.isTrusted) return;
    clearTimeout(timer);
    const link = event.type === "click" && event.button === 0 && event.target.closest?.(PAGES);
    const isHere = link && link.origin === location.origin && link.target !== "_blank"
      && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (isHere) later(pathOf(link), FIRST);
  };
  for (const type of ["pointerdown", "keydown", "click"]) document.addEventListener(type, notice, true);
  addEventListener("popstate", () => clearTimeout(timer));
  return true;
};

export default ({ parentElement, setTriggerValue }) => {
  const app = parentElement.closest("[data-testid='stApp']");
  const isConnected = () => app?.dataset.testConnectionState === "CONNECTED";
  let was = isConnected();
  const watcher = new MutationObserver(() => {
    if (!was && isConnected()) setTriggerValue("again", Date.now());
    was = isConnected();
  });
  if (app) watcher.observe(app, { attributeFilter: ["data-test-connection-state"] });
  globalThis.winnowAsks ??= askUntilThere();
  // Where this fails the map asks again, and says so.
  const early = () => loadPlotly((globalThis.winnowMap ??= { waiting: new Map() })).catch(() => {});
  globalThis.requestIdleCallback?.(early);
  return () => watcher.disconnect();
};
