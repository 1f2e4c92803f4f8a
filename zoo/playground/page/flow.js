// Images that a flow makes of noise.

/** Follows the velocity from noise to an image by Heun's method; `given` is its class or its words. */
export async function follow(model, noise, given) {
  const { steps, guidance } = model, guided = guidance !== 1 && Object.keys(given).length > 0, inputs = { ...given };
  if (guided) {
    // The same noise again, without a class or words.
    for (const [name, values] of Object.entries(given)) {
      inputs[name] = [...values, ...values.map(() => name === "labels" ? model.num_classes : 0)];
    }
  }

  async function velocity(state, step) {
    const time = step / steps, [images, times] = guided ? [[...state, ...state], [time, time]] : [state, [time]];
    const [{ data }] = Object.values(await model.run("velocity", { ...inputs, images, times }));
    if (!guided) return data;
    return data.subarray(state.length).map((free, place) => free + guidance * (data[place] - free));
  }

  let state = noise;
  for (let step = 0; step < steps; step++) {
    const now = state, first = await velocity(now, step);
    const second = await velocity(now.map((value, place) => value + first[place] / steps), step + 1);
    state = now.map((value, place) => value + (first[place] + second[place]) / (2 * steps));
  }
  if (model.has("decoder")) return (await model.run("decoder", { latents: state })).images;
  return { data: state, dims: [1, ...model.shape] };
}
