"""TFDS builders of the zoo's own data sets, one per module. Importing `zoo.data` registers them."""
