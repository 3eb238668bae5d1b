// usage: node slices.mjs URL
// Times axial slices of a volume in headless Chromium and prints one JSON line.
import { chromium } from 'playwright-core';

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update'],
});
const page = await browser.newPage({ viewport: { width: 512, height: 512 } });
await page.goto(process.argv[2]);
await page.waitForFunction('window.setup');
const first = await page.evaluate(() => window.setup(512));
const times = [];
for (let mm = -40; mm < 40; mm += 3.7) times.push(await page.evaluate((at) => window.slice(at), mm));
times.sort((a, b) => a - b);
console.log(JSON.stringify({
  task: 'axial slice',
  first_picture_ms: Math.round(first),
  slice_median_ms: +times[times.length >> 1].toFixed(2),
  slice_max_ms: +times.at(-1).toFixed(2),
}));
await browser.close();
