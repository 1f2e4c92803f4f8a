// Mixes the coarse styles of some images with the fine styles of others.
import { button, latest, make, number, say, slider } from "../elements.js";
import { downloadJson, downloadPicture, pixels, show } from "../images.js";
import { normal } from "../random.js";
import { spread, synthesize } from "./draw.js";

const SIDE = 3;

export default {
  id: "styles",
  title: "Mix styles",
  lead: "Each image takes its coarse styles, such as the shape, from the image at the left of its row, and its fine "
    + "styles, such as the colours, from the image at the top of its column.",
  fits: (model) => model.has("mapping", "synthesis"),

  build(model, controls, stage) {
    const [, layers, width] = model.networks.synthesis.inputs.styles.shape, length = model.latents("mapping");
    const state = { coarse: 1, fine: 11, from: Math.ceil(layers / 3), truncation: 0.8 };
    const [height, wide] = model.shape;
    const sheet = make("canvas", { role: "img", class: "large", "data-picture": "styles",
      "aria-label": "Mixed images in a table: coarse styles by row, fine styles by column" });
    sheet.style.width = "34rem";
    let round = 0, latents = {};

    async function stylesOf(seed) {
      const each = Array.from({ length: SIDE }, (_, index) => normal(seed + index, length));
      const flat = Float32Array.from(each.flatMap((row) => Array.from(row)));
      const { styles } = await model.run("mapping", { latents: flat, truncation: new Array(SIDE).fill(state.truncation) });
      return [each, spread(model, styles.data)];
    }

    const draw = latest(async () => {
      const mine = ++round, each = layers * width, cut = state.from * width;
      const [ofCoarse, coarse] = await stylesOf(state.coarse), [ofFine, fine] = await stylesOf(state.fine);
      sheet.width = (SIDE + 1) * (wide + 2);
      sheet.height = (SIDE + 1) * (height + 2);
      const context = sheet.getContext("2d");
      context.fillStyle = "white";
      context.fillRect(0, 0, sheet.width, sheet.height);
      async function place(row, column, styles) {
        const images = await synthesize(model, styles);
        if (mine === round) context.putImageData(pixels(images), column * (wide + 2), row * (height + 2));
      }
      for (let index = 0; index < SIDE; index++) {
        await place(0, index + 1, fine.slice(index * each, (index + 1) * each));
        await place(index + 1, 0, coarse.slice(index * each, (index + 1) * each));
      }
      for (let row = 0; row < SIDE; row++) {
        for (let column = 0; column < SIDE; column++) {
          const mixed = fine.slice(column * each, (column + 1) * each);
          mixed.set(coarse.subarray(row * each, row * each + cut));
          await place(row + 1, column + 1, mixed);
        }
      }
      latents = { coarse: ofCoarse.map((row) => Array.from(row)), fine: ofFine.map((row) => Array.from(row)) };
      say("");
    });

    const change = (name) => (value) => { state[name] = value; return draw(); };
    const coarse = number("First seed of the rows", state.coarse, change("coarse"));
    controls.append(
      coarse,
      number("First seed of the columns", state.fine, change("fine")),
      button("Other seeds", () => {
        for (const name of ["coarse", "fine"]) state[name] = Math.floor(Math.random() * 1e6);
        for (const [index, name] of ["coarse", "fine"].entries()) {
          controls.querySelectorAll('input[type="number"]')[index].value = state[name];
        }
        draw();
      }, { class: "main" }),
      slider("Layer from which the fine styles begin", { min: 1, max: layers - 1, step: 1, value: state.from }, change("from")),
      slider("Truncation: less is more typical", { min: 0.1, max: 1, step: 0.05, value: state.truncation }, change("truncation")),
    );
    stage.append(make("figure", {}, sheet), make("div", { class: "row" },
      button("Download the image", () => downloadPicture(sheet, `${model.name}-mixed`)),
      button("Download its latents", () => downloadJson(
        { preset: model.name, ...latents, at_layer: state.from, truncation: state.truncation }, `${model.name}-mixed`))));
    return draw();
  },
};
