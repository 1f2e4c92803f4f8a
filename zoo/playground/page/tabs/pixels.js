// Draws images pixel by pixel.
import { attempt, button, classMenu, make, picture, say, seeds, slider } from "../elements.js";
import { downloadPicture, pixels, show } from "../images.js";
import { draw, uniform } from "../random.js";

/**
 * Draws codes one after another, as the networks `above` and `step` allow.
 * @param {Object} given - further inputs of `above`
 * @param {function} shown - called after each row with the codes so far; drawing ends when it returns false
 * @returns {Promise<Int32Array|null>} the codes, or null if it was ended
 */
export async function drawCodes(model, above, step, given, temperature, random, shown) {
  const [height, width, channels] = model.networks[above].inputs.codes.shape.slice(1);
  const codes = new Int32Array(height * width * channels);
  const levels = model.networks[step].outputs.log_probabilities.shape.at(-1), each = width * channels;
  for (let y = 0; y < height; y++) {
    const { links } = await model.run(above, { codes, ...given });
    const size = links.data.length / height, row = codes.subarray(y * each, (y + 1) * each);
    for (let place = 0; place < each; place++) {
      const { log_probabilities: found } = await model.run(step, { row, links: links.data.subarray(y * size, (y + 1) * size) });
      row[place] = draw(found.data.subarray(place * levels, (place + 1) * levels), temperature, random);
    }
    if (shown(codes, y) === false) return null;
  }
  return codes;
}

export default {
  id: "pixels",
  title: "Pixel by pixel",
  lead: "Each pixel is drawn from its probabilities, given all pixels before it. This takes a while.",
  fits: (model) => model.has("above", "step") && Boolean(model.levels),

  build(model, controls, stage) {
    const state = { seed: 1, label: 0, temperature: 1 };
    const canvas = picture("The image so far", model.shape, { "data-picture": "pixels" });
    let round = 0;

    function start() {
      const mine = ++round, given = model.takes("above", "labels") ? { labels: [state.label] } : {};
      return attempt(() => drawCodes(model, "above", "step", given, state.temperature, uniform(state.seed), (codes, y) => {
        if (mine !== round || !canvas.isConnected) return false;
        const data = Float32Array.from(codes, (code) => 2 * code / (model.levels - 1) - 1);
        show(canvas, pixels({ data, dims: [1, ...model.shape] }));
        say(y + 1 < model.shape[0] ? `Row ${y + 1} of ${model.shape[0]}` : "");
        return true;
      }));
    }

    function again(seed) {
      state.seed = seed;
      start();
    }

    const { label, another } = seeds("Another seed", state.seed, again);
    controls.append(label, another, classMenu(model, (chosen) => {
      state.label = chosen;
      start();
    }));
    controls.append(
      slider("Temperature: less is more typical", { min: 0.3, max: 1.2, step: 0.05, value: 1 }, (value) => {
        state.temperature = value;
      }),
      button("Stop", () => { round++; }),
    );
    stage.append(make("figure", {}, canvas), make("div", { class: "row" },
      button("Download the image", () => downloadPicture(canvas, `${model.name}-${state.seed}`))));
    start();
  },
};
