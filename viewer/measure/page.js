// Times the web client's renderer: window.setup(size) gives the milliseconds to the first whole picture,
// window.frame(degrees) those of one turned frame, window.slice(mm) those of one axial slice.
import init, { Stage } from './viewer.js';

// The folder with the volume, and the back end: auto, cpu or gpu.
const wanted = new URLSearchParams(location.search).get('back-end') ?? 'auto';
const at = new URLSearchParams(location.search).get('volume') ?? '.';

async function stream(url, push) {
  const reader = (await fetch(url)).body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    await push(value);
  }
}

window.setup = async (size) => {
  const start = performance.now();
  const canvas = document.getElementById('view');
  canvas.width = canvas.height = size;
  await init({ module_or_path: 'viewer_bg.wasm' });
  const stage = await Stage.open(canvas, 2000, wanted);
  let coarse = 0;
  await stream(`${at}/volume.head`, async (bytes) => {
    if (stage.pushHead(bytes) && !coarse) {
      stage.preset('CT-Bone');
      await stage.draw();
      coarse = performance.now() - start;
    }
  });
  await stream(`${at}/volume.body`, (bytes) => stage.pushBody(bytes));
  stage.finish();
  await stage.draw();
  console.log(`${stage.backEnd}: first coarse picture after ${Math.round(coarse)} ms`);
  window.frame = async (degrees) => {
    const before = performance.now();
    stage.turn(degrees);
    await stage.draw();
    return performance.now() - before;
  };
  window.slice = async (mm) => {
    const before = performance.now();
    await stage.drawAxial(mm);
    return performance.now() - before;
  };
  return performance.now() - start;
};
