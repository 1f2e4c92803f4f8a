"""What stands behind `fit`: the step, the monitor, sources of batches, and checks."""
