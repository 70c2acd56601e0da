"""Train everything with the generated modules and print how it compares with the references."""

from . import runs
from .generated import FOLDER


def main() -> None:
    """Print the table."""
    print(runs.table([run(FOLDER) for run in runs.ALL.values()]))


if __name__ == "__main__":
    main()
