// Paints with the codes of a VQ-VAE.
import { attempt, button, file, latest, make, menu, picture, say, slider } from "../elements.js";
import { downloadJson, downloadPicture, drawn, pixels, readSquare, show, values } from "../images.js";
import { uniform } from "../random.js";
import { drawCodes } from "./pixels.js";

const COLOURS = 24, CELL = 22;

export default {
  id: "codes",
  title: "Paint with codes",
  lead: "A VQ-VAE writes an image as a small grid of codes. Choose a code below, and paint the grid with it.",
  fits: (model) => model.has("encoder", "decoder") && Object.keys(model.networks.decoder.inputs)[0].startsWith("codes"),

  build(model, controls, stage) {
    const { inputs } = model.networks.decoder, names = Object.keys(inputs);
    const shapes = names.map((name) => inputs[name].shape.slice(1));
    const grids = shapes.map((shape) => new Int32Array(shape.reduce((product, side) => product * side, 1)));
    const image = picture("The image of the codes", model.shape, { "data-picture": "codes" });
    const grid = make("canvas", { class: "large coarse paper", tabindex: 0,
      "aria-label": "Grid of codes. Arrow keys move, space paints." });
    const palette = make("div", { class: "strip codes", role: "group", "aria-label": "Codes to paint with" });
    const state = { level: 0, code: 0, at: [0, 0], down: false, temperature: 0.9 };
    const colours = new Map();
    let cells = [];

    const decode = latest(async () => {
      const given = Object.fromEntries(names.map((name, level) => [name, grids[level]]));
      show(image, pixels((await model.run("decoder", given)).images));
      say("");
    });

    /** A cell has the mean colour of its part of the image, and a code the colour of one of its cells. */
    function findColours() {
      const [height, width] = shapes[state.level], counts = new Map();
      const small = drawn(image, width, height).data;
      colours.clear();
      cells = Array.from(grids[state.level], (code, place) => {
        const colour = `rgb(${small.subarray(4 * place, 4 * place + 3)})`;
        counts.set(code, (counts.get(code) || 0) + 1);
        if (!colours.has(code)) colours.set(code, colour);
        return colour;
      });
      const offered = [...counts].sort((one, other) => other[1] - one[1]).slice(0, COLOURS).map(([code]) => code);
      state.code = offered[0];
      palette.replaceChildren(...offered.map((code) => {
        const chosen = button(" ", () => {
          for (const each of palette.children) each.setAttribute("aria-pressed", each === chosen);
          state.code = code;
        }, { "aria-label": `Code ${code}`, "aria-pressed": code === state.code });
        chosen.style.background = colours.get(code);
        return chosen;
      }));
      showGrid();
    }

    function showGrid() {
      const [height, width] = shapes[state.level], context = grid.getContext("2d");
      [grid.width, grid.height] = [width * CELL, height * CELL];
      cells.forEach((colour, place) => {
        const [x, y] = [place % width, Math.floor(place / width)];
        context.fillStyle = colour;
        context.fillRect(x * CELL, y * CELL, CELL - 1, CELL - 1);
      });
      if (document.activeElement === grid) {
        context.lineWidth = 3;
        context.strokeStyle = "black";
        context.strokeRect(state.at[0] * CELL + 1, state.at[1] * CELL + 1, CELL - 3, CELL - 3);
      }
    }

    function paint([x, y]) {
      const [height, width] = shapes[state.level];
      if (x < 0 || y < 0 || x >= width || y >= height) return;
      grids[state.level][y * width + x] = state.code;
      cells[y * width + x] = colours.get(state.code);
      showGrid();
      decode();
    }

    function cell(event) {
      const box = grid.getBoundingClientRect(), [height, width] = shapes[state.level];
      return [Math.floor((event.clientX - box.left) * width / box.width), Math.floor((event.clientY - box.top) * height / box.height)];
    }

    grid.addEventListener("pointerdown", (event) => {
      grid.setPointerCapture(event.pointerId);
      state.down = true;
      paint(cell(event));
    });
    grid.addEventListener("pointermove", (event) => state.down && paint(cell(event)));
    for (const end of ["pointerup", "pointercancel"]) grid.addEventListener(end, () => { state.down = false; });
    for (const change of ["focus", "blur"]) grid.addEventListener(change, showGrid);
    grid.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }, move = moves[event.key];
      if (!move && event.key !== " ") return;
      event.preventDefault();
      if (!move) return paint(state.at);
      const [height, width] = shapes[state.level];
      state.at = [(state.at[0] + move[0] + width) % width, (state.at[1] + move[1] + height) % height];
      showGrid();
    });

    async function shown() {
      await decode();
      findColours();
    }

    /** Draws all codes anew from the prior, the coarse grid first. */
    async function compose() {
      const random = uniform(Math.floor(Math.random() * 2 ** 32)), several = names.length > 1;
      for (let level = 0; level < names.length; level++) {
        const [above, step] = ["above", "step"].map((name) => `prior_${name}${several ? `_${level}` : ""}`);
        const given = level ? { coarser_codes: grids[level - 1] } : {};
        if (model.takes(above, "labels")) given.labels = [0];
        const rows = shapes[level][0];
        const codes = await drawCodes(model, above, step, given, state.temperature, random, (_, y) => {
          say(`Drawing codes: row ${y + 1} of ${rows}${several ? `, grid ${level + 1} of ${names.length}` : ""}`);
          return grid.isConnected;
        });
        if (!codes) return;
        grids[level].set(codes);
      }
      await shown();
    }

    async function encode(picture) {
      const codes = await model.run("encoder", { image: values(picture, model.shape[2]) });
      for (const [level, name] of names.entries()) grids[level].set(codes[name].data);
      await shown();
    }

    if (model.has(names.length > 1 ? "prior_step_0" : "prior_step")) {
      controls.append(
        button("A new image", () => attempt(compose), { class: "main" }),
        slider("Temperature: less is more typical", { min: 0.5, max: 1.1, step: 0.05, value: state.temperature }, (value) => {
          state.temperature = value;
        }));
    }
    controls.append(file("A picture of your own", async (chosen) => encode(await readSquare(chosen, model.shape[0]))));
    if (names.length > 1) {
      const sides = shapes.map((shape, level) => [level, `${shape[0]} x ${shape[1]} codes`]);
      controls.append(menu("Grid", sides, (level) => {
        state.level = Number(level);
        state.at = [0, 0];
        findColours();
      }));
    }
    controls.append(make("fieldset", {}, make("legend", {}, "Codes"), palette));
    stage.append(
      make("div", { class: "pictures" },
        make("figure", {}, grid, make("figcaption", {}, "Codes")),
        make("figure", {}, image, make("figcaption", {}, "Their image"))),
      make("div", { class: "row" },
        button("Download the image", () => downloadPicture(image, `${model.name}-codes`)),
        button("Download its codes", () => downloadJson(
          { preset: model.name, codes: grids.map((codes) => Array.from(codes)) }, `${model.name}-codes`))));
    return attempt(compose);
  },
};
