"""The progress bar of everything that may take longer than a second."""

import functools

from tqdm import tqdm

#: `tqdm` that shows nothing in the first second, leaves nothing behind, and keeps out of files and pipes.
bar = functools.partial(tqdm, delay=1, leave=False, disable=None)
