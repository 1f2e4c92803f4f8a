// Draws what a text says.
import { attempt, button, labelled, latest, make, say, seeds } from "../elements.js";
import { follow } from "../flow.js";
import { downloadJson, downloadPicture, pixels } from "../images.js";
import { normal } from "../random.js";

const IMAGES = 4;

/** Splits a text into words as `zoo.text.words` does. */
function wordsOf(text) {
  const kept = text.toLowerCase().normalize("NFC").replace(/[^\p{L}\p{M}\p{N}']|[\ufe00-\ufe0f]/gu, " ");
  return kept.match(/[^\s']+(?:'[^\s']+)*/gu) || [];
}

export default {
  id: "words",
  title: "Describe",
  lead: "Describe a face. What you leave open, the model chooses.",
  fits: (model) => model.has("text_encoder") || model.takes("velocity", "prompts"),

  async build(model, controls, stage) {
    const { words, max_words: most, example_prompts: examples } = await model.read("vocabulary.json");
    const flows = model.has("velocity"), length = model.latents(flows ? "velocity" : "generator");
    let seed = 1, made = null;
    const text = make("textarea", { rows: 3, maxlength: 300 });
    text.value = "a woman with curly red hair and round glasses, smiling";
    const known = make("p", { class: "hint", role: "status" });
    const sheet = make("canvas", { role: "img", "aria-label": "Faces of the description", class: "large",
      "data-picture": "words" });
    sheet.style.width = "34rem";

    const draw = latest(async () => {
      const asked = text.value, from = seed;
      const said = wordsOf(asked), unknown = [...new Set(said.filter((word) => !(word in words)))];
      const numbers = said.filter((word) => word in words).map((word) => words[word]);
      known.replaceChildren(unknown.length ? make("span", { class: "unknown" }, `Not known: ${unknown.join(", ")}. `) : "",
        numbers.length > most ? `Only the first ${most} known words count.` : "");
      if (!numbers.length) throw new Error("The model knows no word of this description; its words are listed below.");
      const tokens = Array.from({ length: most }, (_, index) => numbers[index] || 0);
      const [height, width] = model.shape, rows = [];
      sheet.width = 2 * width;
      sheet.height = 2 * height;
      for (let index = 0; index < IMAGES; index++) {
        say(`Image ${index + 1} of ${IMAGES}`);
        const latents = normal(from + index, length);
        const images = flows ? await follow(model, latents, { prompts: tokens })
          : (await model.run("generator", { latents, tokens })).images;
        // Something else is asked for, and drawn next.
        if (text.value !== asked || seed !== from || !sheet.isConnected) return;
        sheet.getContext("2d").putImageData(pixels(images), (index % 2) * width, Math.floor(index / 2) * height);
        rows.push(Array.from(latents));
      }
      made = { preset: model.name, prompts: asked, latents: rows };
      say("");
    });

    text.addEventListener("input", draw);
    const buttons = Object.keys(words).map((word) => button(word, () => {
      text.value = `${text.value.trimEnd()} ${word}`;
      draw();
    }));
    const { label, another } = seeds("Other faces", seed, (value) => { seed = value; draw(); });
    controls.append(
      labelled("Description", text), known,
      make("div", { class: "row" },
        another,
        examples ? button("An example", () => {
          text.value = examples[Math.floor(Math.random() * examples.length)];
          draw();
        }) : ""),
      label,
      make("fieldset", {}, make("legend", {}, `The ${buttons.length} words that it knows`),
        make("div", { class: "words" }, ...buttons)),
    );
    stage.append(make("figure", {}, sheet), make("div", { class: "row" },
      button("Download the image", () => downloadPicture(sheet, `${model.name}-${seed}`)),
      button("Download its latents", () => attempt(() => downloadJson(made, `${model.name}-${seed}`)))));
    return draw();
  },
};
