// Draws images from latents: seeds, single numbers, walks, classes and truncation.
import { attempt, button, classMenu, latest, make, menu, number, picture, say, seeds, slider } from "../elements.js";
import { follow } from "../flow.js";
import { downloadJson, downloadPicture, pixels, show } from "../images.js";
import { between, normal } from "../random.js";

const NEIGHBOURS = 12, SLIDERS = 8;

/** Returns the network that takes the latents of a model that draws from nothing else. */
function first(model) {
  if (model.has("velocity")) return model.takes("velocity", "prompts") ? undefined : "velocity";
  return ["mapping", "generator", "decoder"].find((name) => model.takes(name, "latents") && !model.takes(name, "tokens"));
}

/** Draws an image. */
async function paint(model, latents, { label, truncation }) {
  const name = first(model), given = {};
  if (model.takes(name, "labels")) given.labels = [label];
  if (model.takes(name, "truncation")) given.truncation = [truncation];
  if (name === "velocity") return follow(model, latents, given);
  const outputs = await model.run(name, { latents, ...given });
  return name === "mapping" ? synthesize(model, spread(model, outputs.styles.data)) : outputs.images;
}

/** Gives each layer of a StyleGAN the same style. */
export function spread(model, styles) {
  const [, layers, width] = model.networks.synthesis.inputs.styles.shape;
  const each = new Float32Array(styles.length * layers);
  for (let image = 0; image < styles.length / width; image++) {
    const style = styles.subarray(image * width, (image + 1) * width);
    for (let layer = 0; layer < layers; layer++) each.set(style, (image * layers + layer) * width);
  }
  return each;
}

export async function synthesize(model, styles) {
  return (await model.run("synthesis", { styles })).images;
}

export default {
  id: "draw",
  title: "Draw",
  lead: "Each seed is one image. Pull at the numbers behind it, or walk from one image to another.",
  fits: (model) => first(model) !== undefined,

  build(model, controls, stage) {
    const length = model.latents(first(model));
    const state = { seed: 1, label: 0, truncation: model.has("mapping") ? 1 : 8, block: 0, other: 2, share: 0 };
    let latents = normal(state.seed, length), walking = null, round = 0;

    const large = picture("The image of this seed", model.shape, { "data-picture": "draw" });
    const caption = make("figcaption");
    const strip = make("div", { class: "strip", role: "group", "aria-label": "Images of the next seeds" });
    const sliders = make("div");

    const draw = latest(async () => {
      const current = state.share ? between(latents, normal(state.other, length), state.share) : latents;
      const images = await paint(model, current, state);
      show(large, pixels(images));
      caption.textContent = state.share
        ? `${Math.round(100 * state.share)} % of the way from seed ${state.seed} to seed ${state.other}`
        : `Seed ${state.seed}`;
      drawn = current;
      say("");
    });
    let drawn = latents;

    async function neighbours() {
      const mine = ++round, seeds = Array.from({ length: NEIGHBOURS }, (_, index) => state.seed + index);
      strip.replaceChildren();
      for (const seed of seeds) {
        const images = await attempt(() => paint(model, normal(seed, length), state));
        // Another seed or class was chosen in the meantime.
        if (mine !== round || !images) return;
        const canvas = make("canvas", { "aria-hidden": "true", class: model.shape[0] <= 32 ? "coarse" : "" });
        show(canvas, pixels(images));
        const chosen = make("button", { type: "button", "aria-label": `Seed ${seed}`, "aria-pressed": seed === state.seed,
          onclick: () => choose(seed, chosen) }, canvas);
        strip.append(chosen);
      }
    }

    function choose(seed, chosen) {
      for (const each of strip.children) each.setAttribute("aria-pressed", each === chosen);
      begin(seed);
    }

    function begin(seed) {
      state.seed = seed;
      latents = normal(seed, length);
      seedControls.show(seed);
      showSliders();
      return draw();
    }

    async function restart(seed) {
      await begin(seed);
      neighbours();
    }

    function showSliders() {
      const from = state.block * SLIDERS, to = Math.min(length, from + SLIDERS);
      sliders.replaceChildren(...Array.from({ length: to - from }, (_, index) => {
        const place = from + index;
        return slider(`Number ${place + 1}`, { min: -3, max: 3, step: 0.05, value: latents[place] }, (value) => {
          latents[place] = value;
          draw();
        });
      }));
    }

    function walk(pressed) {
      if (walking) {
        clearInterval(walking);
        walking = null;
      } else {
        let direction = 1;
        walking = setInterval(() => {
          if (!large.isConnected) return clearInterval(walking);
          state.share = Math.min(1, Math.max(0, state.share + 0.04 * direction));
          if (state.share % 1 === 0) direction = state.share ? -1 : 1;
          share.querySelector("input").value = state.share;
          draw();
        }, 120);
      }
      pressed.textContent = walking ? "Stop" : "Play";
    }

    const seedControls = seeds("Another seed", state.seed, restart);
    const share = slider("How far", { min: 0, max: 1, step: 0.01, value: 0 }, (value) => { state.share = value; draw(); });
    const blocks = Array.from({ length: Math.ceil(length / SLIDERS) }, (_, block) =>
      [block, `${block * SLIDERS + 1} to ${Math.min(length, (block + 1) * SLIDERS)} of ${length}`]);

    controls.append(seedControls.label, seedControls.another, classMenu(model, (label) => {
      state.label = label;
      draw();
      neighbours();
    }));
    if (model.takes(first(model), "truncation")) {
      const most = model.has("mapping") ? 1 : 3;
      controls.append(slider("Truncation: less is more typical", { min: 0.1, max: most, step: 0.05, value: most }, (value) => {
        // A threshold of BigGAN changes nothing when it is large.
        state.truncation = value === 3 ? 8 : value;
        draw();
      }));
    }
    controls.append(
      make("fieldset", {}, make("legend", {}, "Walk"),
        number("To seed", state.other, (seed) => { state.other = seed; draw(); }),
        share, button("Play", (event) => walk(event.currentTarget))),
      make("fieldset", {}, make("legend", {}, "Latents"),
        menu("Numbers", blocks, (block) => { state.block = Number(block); showSliders(); }), sliders),
    );
    stage.append(
      make("figure", {}, large, caption),
      make("div", { class: "row" },
        button("Download the image", () => downloadPicture(large, `${model.name}-${state.seed}`)),
        button("Download its latents", () => downloadJson({
          preset: model.name,
          latents: [Array.from(drawn)],
          ...(model.takes(first(model), "labels") && { labels: [state.label] }),
          ...(model.takes(first(model), "truncation") && { truncation: state.truncation }),
        }, `${model.name}-${state.seed}`))),
      strip,
    );
    showSliders();
    return restart(state.seed);
  },
};
