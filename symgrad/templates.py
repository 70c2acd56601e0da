"""Where the Jinja templates are: inside an installed package, beside the package in a checkout."""

from __future__ import annotations

from pathlib import Path

from symgrad.errors import SymgradError


def template_folder() -> Path:
    """The folder of the templates.

    A wheel carries them as `symgrad/templates`; a checkout, and so an editable install of one, keeps
    them in `templates/` at its top.

    Raises
    ------
    SymgradError
        Where neither is there: the installation is broken.
    """
    package = Path(__file__).resolve().parent
    inside, beside = package / "templates", package.parent / "templates"
    for folder in (inside, beside):
        if (folder / "module.py.jinja").is_file():
            return folder
    raise SymgradError(
        "the templates of symgrad are missing",
        expected=f"module.py.jinja in {inside} or in {beside}",
        hint="install symgrad again",
    )
