"""Draw the pictures of the gallery into the documentation: all, or those named."""

from __future__ import annotations

import sys
from pathlib import Path

from symgrad.docs.pictures import classics, curvature, mechanics, networks, sequences, statistics, vision
from symgrad.docs.pictures.canvas import PICTURES, plt

#: Where the pages look for them.
FOLDER = Path(__file__).resolve().parents[1] / "pages" / "gallery"
MODELS = (classics, curvature, mechanics, networks, sequences, statistics, vision)


def main(names: list[str]) -> int:
    """Draw; returns an exit status."""
    unknown = [name for name in names if name not in PICTURES]
    if unknown:
        print(f"no picture is called {unknown[0]!r}; there are {', '.join(PICTURES)}", file=sys.stderr)
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in names or PICTURES:
        figure = PICTURES[name]()
        path = FOLDER / f"{name}.png"
        # No date and no version: the same drawing has the same bytes.
        figure.savefig(path, metadata={"Software": None})
        plt.close(figure)
        print(f"{path.name}: {path.stat().st_size // 1024} kB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
