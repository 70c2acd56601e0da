"""Build the documentation into `site/` at the top of the checkout; with `--serve`, show it on this machine.

Needs `pip install -e ".[docs,draw]"`.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path

from mkdocs.commands.build import build
from mkdocs.config import load_config

from symgrad.docs.fill import filled


class _Problems(logging.Handler):
    """Keeps warnings and errors, but for those about names that symgrad makes at run time."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if "symgrad.__all__" not in record.getMessage():
            self.found.append(f"{record.levelname}: {record.getMessage()}")


def main(arguments: list[str]) -> int:
    """Build, strictly: a broken link or reference is an error."""
    problems = _Problems()
    logging.getLogger().addHandler(problems)
    with tempfile.TemporaryDirectory() as folder:
        pages = filled(Path(folder))
        config = load_config(str(Path(__file__).parent / "mkdocs.yml"), docs_dir=str(pages))
        config.plugins.on_startup(command="build", dirty=False)
        try:
            build(config)
        finally:
            config.plugins.on_shutdown()
        site = Path(config.site_dir)
    if problems.found:
        print("\n".join(problems.found), file=sys.stderr)
        return 1
    print(f"{len(list(site.rglob('*.html')))} pages in {site}")
    if "--serve" in arguments:
        import functools
        import http.server

        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=site)
        print("http://127.0.0.1:8000")
        http.server.ThreadingHTTPServer(("127.0.0.1", 8000), handler).serve_forever()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
