// Edits faces by their attributes.
import { button, file, latest, make, picture, say, seeds, slider } from "../elements.js";
import { downloadJson, downloadPicture, pixels, readSquare, show, values } from "../images.js";
import { normal } from "../random.js";

/** Returns the name of an attribute as a label: `hair_color_red` becomes `Hair color red`. */
function named(attribute) {
  const words = attribute.replaceAll("_", " ");
  return words[0].toUpperCase() + words.slice(1);
}

export default {
  id: "faces",
  title: "Edit faces",
  lead: "Each slider adds an attribute to the face, or takes it away. The other attributes should stay.",
  fits: (model) => model.has("decoder", "edit") && Boolean(model.attributes),

  build(model, controls, stage) {
    const length = model.latents("decoder"), amounts = model.attributes.map(() => 0);
    let latents = normal(1, length), edited = latents;
    const before = picture("The face as it was", model.shape);
    const after = picture("The edited face", model.shape, { "data-picture": "faces" });

    const draw = latest(async () => {
      let moved = latents;
      for (const [attribute, amount] of amounts.entries()) {
        if (amount) moved = (await model.run("edit", { latents: moved, attribute: [attribute], amount: [amount] })).edited.data;
      }
      show(after, pixels((await model.run("decoder", { latents: moved })).images));
      edited = moved;
      say("");
    });

    async function begin(given) {
      latents = given;
      show(before, pixels((await model.run("decoder", { latents })).images));
      return draw();
    }

    const sliders = model.attributes.map((attribute, index) =>
      slider(named(attribute), { min: -1.5, max: 1.5, step: 0.05, value: 0 }, (amount) => {
        amounts[index] = amount;
        draw();
      }));

    function restart(value) {
      return begin(normal(value, length));
    }

    const { label, another } = seeds("Another face", 1, restart);
    controls.append(
      label,
      another,
      file("A picture of an avatar", async (chosen) => {
        const read = values(await readSquare(chosen, model.shape[0]), model.shape[2]);
        await begin((await model.run("encoder", { image: read })).mean.data);
      }),
      make("fieldset", {}, make("legend", {}, "Attributes"), ...sliders, button("As it was", () => {
        amounts.fill(0);
        for (const each of sliders) each.querySelector("input").value = 0;
        draw();
      })),
    );
    stage.append(
      make("div", { class: "pictures" },
        make("figure", {}, before, make("figcaption", {}, "As it was")),
        make("figure", {}, after, make("figcaption", {}, "Edited"))),
      make("div", { class: "row" },
        button("Download the image", () => downloadPicture(after, `${model.name}-edited`)),
        button("Download its latents", () =>
          downloadJson({ preset: model.name, latents: [Array.from(edited)] }, `${model.name}-edited`))),
    );
    return begin(latents);
  },
};
