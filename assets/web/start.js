// Two modules: the pages, and the case viewer with the renderer. Each page loads the one that shows it.
const isCapture = /^\/captures\/[^/]+/.test(location.pathname);
const isCase = isCapture || /^\/cases\/[^/]+\/view(\/|$)/.test(location.pathname);
const [script, wasm] = isCase ? ["/VIEWER_MODULE", "/VIEWER_WASM"] : ["/PAGES_MODULE", "/PAGES_WASM"];

// Whoever is in will open a case: then its module is in the browser's cache.
if (!isCase) {
  addEventListener("vitrine-in", () => {
    for (const path of ["/VIEWER_MODULE", "/VIEWER_WASM"]) fetch(path, { priority: "low" }).then((found) => found.arrayBuffer());
  }, { once: true });
}

// One language: what was chosen here, or the first that the browser prefers and there is.
const languages = { en: "/TEXTS_EN", de: "/TEXTS_DE" };
let kept;
try { kept = localStorage.getItem("vitrine.language"); } catch {}
const tags = [kept, ...navigator.languages].map((tag) => tag?.split("-")[0].toLowerCase());
const language = tags.find((tag) => Object.hasOwn(languages, tag)) ?? "en";
document.documentElement.lang = language;
const texts = fetch(languages[language]).then((found) => found.text());

// What the viewer asks for first is on its way while its module is compiled; of who is not signed in nothing but that is
// asked.
if (isCase) {
  const visitor = fetch("/api/visitor");
  const me = visitor.then((found) => found.clone().json()).then((found) => found.me);
  const [, , id, , item] = location.pathname.split("/");
  const early = new Map([["/api/visitor", visitor]]);
  const of = `/api/cases/${id}`;
  const paths = isCapture ? ["/api/space/captures"] : [of, `${of}/items`, `${of}/views`];
  if (item && location.hash === "#own") paths.push(`/api/items/${item}/artifacts`);
  for (const path of paths) early.set(path, me.then((me) => me && fetch(path)).catch(() => null));
  globalThis.early = early;
}

const bytes = fetch(wasm);
if (isCase) {
  const style = document.createElement("link");
  style.rel = "stylesheet";
  style.href = "/VIEWER_STYLE";
  const there = new Promise((done) => { style.onload = style.onerror = done; });
  document.head.append(style);
  await there;
}
const { default: init, mount } = await import(script);
await init({ module_or_path: bytes });
mount(language, await texts);
