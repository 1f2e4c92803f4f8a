// Translates pictures from one style to another, in both directions.
import { button, file, labelled, latest, make, menu, picture, say } from "../elements.js";
import { downloadPicture, drawn, pixels, readSquare, show, values } from "../images.js";

const DIRECTIONS = [["to_images", "Noto to Twemoji"], ["to_source", "Twemoji to Noto"]];
const EXAMPLES = ["😀", "🐱", "🍓", "🌻", "🚗", "🎈"];

/** Draws a sign as this device's font shows it. */
function signed(text, side) {
  const canvas = new OffscreenCanvas(side * 4, side * 4), context = canvas.getContext("2d");
  context.font = `${side * 3}px "Noto Color Emoji", "Apple Color Emoji", "Segoe UI Emoji", sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, side * 2, side * 2.15);
  return drawn(canvas, side, side);
}

export default {
  id: "emoji",
  title: "Translate emoji",
  lead: "Emoji of one hand, drawn by the other. Type a sign, which your device's font draws, or choose a picture.",
  fits: (model) => model.has("to_images", "to_source"),

  build(model, controls, stage) {
    const [side] = model.shape;
    let direction = "to_images", source = signed(EXAMPLES[0], side);
    const before = picture("The picture that is translated", model.shape);
    const after = picture("The translated picture", model.shape, { "data-picture": "emoji" });

    const translate = latest(async () => {
      show(before, source);
      const { images } = await model.run(direction, { image: values(source, model.shape[2]) });
      show(after, pixels(images));
      say("");
    });

    const sign = make("input", { type: "text", value: EXAMPLES[0], maxlength: 12 });
    sign.addEventListener("input", () => {
      if (!sign.value.trim()) return;
      source = signed(sign.value.trim(), side);
      translate();
    });
    const directions = menu("Direction", DIRECTIONS, (chosen) => { direction = chosen; translate(); });
    controls.append(
      directions,
      labelled("Sign", sign),
      make("div", { class: "row", role: "group", "aria-label": "Examples" }, ...EXAMPLES.map((text) => button(text, () => {
        sign.value = text;
        source = signed(text, side);
        translate();
      }))),
      file("A picture of a sign", async (chosen) => {
        source = await readSquare(chosen, side);
        await translate();
      }),
    );
    stage.append(
      make("div", { class: "pictures" },
        make("figure", {}, before, make("figcaption", {}, "Given")),
        make("figure", {}, after, make("figcaption", {}, "Translated"))),
      make("div", { class: "row" },
        button("Translate it back", () => {
          source = after.getContext("2d").getImageData(0, 0, side, side);
          direction = direction === "to_images" ? "to_source" : "to_images";
          directions.querySelector("select").value = direction;
          translate();
        }),
        button("Download the image", () => downloadPicture(after, `${model.name}-translated`))));
    return translate();
  },
};
