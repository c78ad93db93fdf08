// Plotly's own script, of megabytes: fetched and read by the browser once a page, by whoever asks first.
const plotlyUrl = () => {
  // The app may live below a path: take it from the address of Streamlit's own script.
  const own = document.querySelector("script[src*='static/js/']")?.src;
  const root = own ? own.slice(0, own.indexOf("static/js/")) : `${location.origin}/`;
  return `${root}component/pages.ui.plotlyjs.files/plotly.min.js`;
};

const loadPlotly = (hub) =>
  (hub.plotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = plotlyUrl();
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      hub.plotly = null;
      reject(new Error("The map needs plotly.js, which this server did not deliver. Reload the page."));
    };
    document.head.append(script);
  }));
