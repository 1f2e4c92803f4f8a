// Runs networks beside the page, so that it answers while they compute.
import * as ort from "./ort/ort.wasm.min.mjs";

ort.env.wasm.wasmPaths = new URL("./ort/", import.meta.url).href;
// Threads need a page that is isolated from other origins.
ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1;

const sessions = new Map();
let previous = Promise.resolve();

function session(url) {
  if (!sessions.has(url)) {
    const loading = ort.InferenceSession.create(url);
    // A file that could not be loaded is asked for again.
    loading.catch(() => sessions.delete(url));
    sessions.set(url, loading);
  }
  return sessions.get(url);
}

async function run(url, inputs) {
  const network = await session(url);
  const feeds = {};
  for (const [name, { type, data, dims }] of Object.entries(inputs)) feeds[name] = new ort.Tensor(type, data, dims);
  const outputs = {};
  for (const [name, { data, dims }] of Object.entries(await network.run(feeds))) outputs[name] = { data, dims };
  return outputs;
}

self.onmessage = ({ data: { id, url, inputs } }) => {
  // Two runs at once would share the memory of one network.
  previous = previous.then(async () => {
    try {
      const outputs = await run(url, inputs);
      self.postMessage({ id, outputs }, Object.values(outputs).map(({ data }) => data.buffer));
    } catch (error) {
      self.postMessage({ id, error: String(error.message || error) });
    }
  });
};
