// Two modules: the pages, and the case viewer with the renderer. Each page loads the one that shows it.
const isCase = /^\/cases\/[^/]+\/view(\/|$)/.test(location.pathname);
const [script, wasm] = isCase ? ["/VIEWER_MODULE", "/VIEWER_WASM"] : ["/PAGES_MODULE", "/PAGES_WASM"];

// Whoever is in will open a case: then its module is in the browser's cache.
if (!isCase) {
  addEventListener("vitrine-in", () => {
    for (const path of ["/VIEWER_MODULE", "/VIEWER_WASM"]) fetch(path, { priority: "low" }).then((found) => found.arrayBuffer());
  }, { once: true });
}

const bytes = fetch(wasm);
const { default: init, mount } = await import(script);
await init({ module_or_path: bytes });
mount();
