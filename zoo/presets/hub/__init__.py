"""The Hugging Face Hub: names of repositories, fetching presets from it and publishing them to it."""

from zoo.presets.hub.fetching import cached, fetch, fetch_texts
from zoo.presets.hub.publishing import Publication, default_repo_id, publish
from zoo.presets.hub.references import check_names, check_repo_id, parse

__all__ = [
    "Publication",
    "cached",
    "check_names",
    "check_repo_id",
    "default_repo_id",
    "fetch",
    "fetch_texts",
    "parse",
    "publish",
]
