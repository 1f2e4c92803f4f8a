"""TFDS builders of the zoo's own data sets, one a module; `import zoo.data` registers them."""
