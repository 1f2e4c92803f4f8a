"""The types of network options.

A static method `default_networks` annotates each of its options with one of these types:

```python
from zoo.nets.options import Count, Share


def default_networks(image_shape, latent_dim, filters: Count = 64, stages: Count | None = None, dropout: Share = 0.3):
    ...
```
"""

import functools
import types
import typing
from collections.abc import Sequence
from typing import Annotated

from zoo.errors import check_amount, check_count, check_counts, check_flag, check_share

__all__ = ["Amount", "Count", "CountFromZero", "Counts", "Flag", "Share", "check_option"]

#: An integer of at least 1.
Count = Annotated[int, check_count]
#: An integer of at least 0.
CountFromZero = Annotated[int, functools.partial(check_count, least=0)]
#: A list of integers of at least 1.
Counts = Annotated[Sequence[int], check_counts]
#: A number from 0 to 1.
Share = Annotated[float, check_share]
#: A number of at least 0.
Amount = Annotated[float, check_amount]
#: True or False.
Flag = Annotated[bool, check_flag]


def check_option(kind, value, name):
    """Refuses the value of an option that is not of its annotated type; anything else than these types passes."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        kinds = [one for one in typing.get_args(kind) if one is not type(None)]
        if value is None or len(kinds) > 1:
            return
        kind = kinds[0]
    for check in getattr(kind, "__metadata__", ()):
        check(value, name)
