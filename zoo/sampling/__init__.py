"""What `generate` is built from: the conditions that a model declares, batches of noise, and the search for latents."""
