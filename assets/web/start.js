import init, { mount } from "/MODULE";

await init({ module_or_path: "/WASM" });
mount();
