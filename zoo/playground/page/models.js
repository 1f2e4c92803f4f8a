// The exported models of this page, and what runs their networks.

const waiting = new Map();
let worker = null, count = 0;

/** Starts the worker with the first run, when what it loads can be kept for later. */
function start() {
  worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  worker.onmessage = ({ data: { id, outputs, error } }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error) reject(new Error(`The model could not be run: ${error}`));
    else resolve(outputs);
  };
}

/** Counts the values of one row. */
export const size = (shape) => shape.slice(1).reduce((product, side) => product * side, 1);

/** A model as `export.json` describes it. */
class Model {
  constructor(facts) {
    Object.assign(this, facts);
  }

  /** The side of the model's images in pixels, `[height, width, channels]`. */
  get shape() {
    return this.image_shape;
  }

  has(...names) {
    return names.every((name) => name in this.networks);
  }

  takes(network, input) {
    return this.has(network) && input in this.networks[network].inputs;
  }

  /** The number of latents of an image, which for a flow are noise. */
  latents(network) {
    const { latents, images } = this.networks[network].inputs;
    return size((latents || images).shape);
  }

  /**
   * Runs a network.
   * @param {string} name - name of the network
   * @param {Object} given - by the name of an input, its numbers, or `{data, dims}` where a side may have any length
   * @returns {Promise<Object>} by the name of an output, `{data, dims}`
   */
  run(name, given) {
    const { file, inputs } = this.networks[name];
    const feeds = {};
    for (const [input, { shape, dtype }] of Object.entries(inputs)) {
      const { data, dims } = given[input].dims ? given[input] : { data: given[input] };
      const each = size(shape);
      const Values = dtype === "int32" ? Int32Array : Float32Array;
      feeds[input] = { type: dtype, data: Values.from(data), dims: dims || [data.length / each, ...shape.slice(1)] };
    }
    if (!worker) start();
    const id = count++;
    const url = new URL(`models/${this.name}/${file}`, document.baseURI).href;
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      worker.postMessage({ id, url, inputs: feeds });
    });
  }

  /** Reads a JSON file of the model. */
  read(file) {
    return readJson(`models/${this.name}/${file}`);
  }
}

async function readJson(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} could not be loaded: ${response.status}.`);
  return response.json();
}

/** Loads the descriptions of all models. */
export async function loadModels() {
  return (await readJson("models/index.json")).map((facts) => new Model(facts));
}
