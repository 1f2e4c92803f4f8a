"""The Hub of the tests in `tests/hub`, which hostile repositories lie on, too."""

from hub.conftest import module_hub, module_python, preset, preset_files

__all__ = ["module_hub", "module_python", "preset", "preset_files"]
