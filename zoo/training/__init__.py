"""What `fit` is built from: the update step, the monitor, sources of batches, and checks."""
