"""Builds that know what they need not do again, that run side by side, and that are killed."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import symgrad
from symgrad.building import cache, dependencies
from symgrad.building.depfile import depfile
from symgrad.building.outcome import Job, recall
from symgrad.building.plan import gallery
from symgrad.building.specs import load
from symgrad.building.workers import run as run_jobs
from symgrad.commands.main import cli
from symgrad.errors import SpecError

SPEC = """
import numpy as np
import symgrad as sg
from shared_part import scale

open("log.txt", "a").write("loaded\\n")
weights = np.load("weights.npy")
f = sg.trace(lambda x: np.sum(scale(x) * float(weights[0])), x="n")
thing = sg.Module("thing", {"f": f, "f_grad": sg.grad(f, wrt="x")})
"""
PART = "def scale(x):\n    return 2 * x\n"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments], prog_name="symgrad")


def build(*arguments: str | Path) -> dict:
    result = run("build", *arguments, "--json", "--jobs", "1")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def loads(project: Path) -> int:
    return len((project / "log.txt").read_text().splitlines())


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import numpy as np

    monkeypatch.setenv("SYMGRAD_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "a project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "thing_spec.py").write_text(SPEC)
    (folder / "shared_part.py").write_text(PART)
    np.save(folder / "weights.npy", np.array([1.5]))
    return folder


def test_an_unchanged_spec_is_not_even_loaded(project: Path) -> None:
    first = build("thing_spec.py")
    assert first["specs"][0]["modules"][0]["unchanged"] is False
    again = build("thing_spec.py")
    assert loads(project) == 1
    assert again["written"] == []
    (old,), (new,) = first["specs"][0]["modules"], again["specs"][0]["modules"]
    assert new["unchanged"] is True
    assert {k: v for k, v in new.items() if k not in ("unchanged", "seconds")} == {
        k: v for k, v in old.items() if k not in ("unchanged", "seconds")
    }
    assert "ok, unchanged" in run("build", "thing_spec.py").stdout
    assert run("build", "--check", "thing_spec.py").exit_code == 0
    assert loads(project) == 1


def test_what_is_missing_on_disk_is_written_from_the_record(project: Path) -> None:
    build("thing_spec.py")
    made = {p.name: p.read_bytes() for p in (project / "generated").iterdir()}
    shutil.rmtree(project / "generated")
    build("thing_spec.py")
    assert {p.name: p.read_bytes() for p in (project / "generated").iterdir()} == made
    assert loads(project) == 1


@pytest.mark.parametrize("what", ["spec", "module", "data", "generator"])
def test_whatever_a_spec_reads_makes_it_stale(
    project: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    build("thing_spec.py")
    before = (project / "generated" / "thing.py").read_text()
    if what == "spec":
        (project / "thing_spec.py").write_text(SPEC.replace("np.sum(", "3 * np.sum("))
    elif what == "module":
        (project / "shared_part.py").write_text(PART.replace("2", "7"))
    elif what == "data":
        np.save(project / "weights.npy", np.array([2.5]))
    else:
        monkeypatch.setattr(cache, "generator_digest", lambda: "another symgrad")
    found = run("build", "--check", "thing_spec.py")
    assert loads(project) == 2
    if what == "generator":
        assert found.exit_code == 0  # made again, and the same
    else:
        assert found.exit_code == 1
        assert found.stdout.endswith("to mend: symgrad build thing_spec.py\n")
        build("thing_spec.py")
        assert (project / "generated" / "thing.py").read_text() != before
    assert run("build", "--check", "thing_spec.py").exit_code == 0


def test_verification_is_done_again_where_it_was_not_done_or_is_asked_for(project: Path) -> None:
    assert build("thing_spec.py", "--no-verify")["specs"][0]["modules"][0]["max_error"] is None
    assert build("thing_spec.py", "--no-verify")["specs"][0]["modules"][0]["unchanged"]
    assert not build("thing_spec.py")["specs"][0]["modules"][0]["unchanged"]
    assert build("thing_spec.py")["specs"][0]["modules"][0]["unchanged"]
    assert not build("thing_spec.py", "--verify")["specs"][0]["modules"][0]["unchanged"]
    assert loads(project) == 3


def test_errors_and_failures_are_not_remembered(project: Path) -> None:
    (project / "shared_part.py").write_text("1 / 0\n")
    for _ in range(2):
        result = run("build", "thing_spec.py")
        assert result.exit_code == 2
        assert "ZeroDivisionError" in result.stderr
    (project / "shared_part.py").write_text(PART)
    build("thing_spec.py")


def test_two_specs_that_import_one_module_both_depend_on_it(project: Path) -> None:
    other = SPEC.replace('"thing"', '"other"')
    (project / "other_spec.py").write_text(other)
    build("thing_spec.py", "other_spec.py")
    for name in ("thing_spec.py", "other_spec.py"):
        known = recall(Job(project / name))
        assert known is not None
        assert [path.name for path in known.dependencies] == [name, "shared_part.py", "weights.npy"]
    assert "shared_part" not in sys.modules


def test_a_module_beside_a_spec_hides_no_installed_one(project: Path) -> None:
    (project / "random.py").write_text("raise AssertionError('found')\n")
    (project / "thing_spec.py").write_text("import random\n" + SPEC)
    load(project / "thing_spec.py")
    sys.modules.pop("shared_part", None)


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"dependencies": 3}'])
def test_a_damaged_record_is_none(project: Path, damage: str) -> None:
    build("thing_spec.py")
    (record,) = (project.parent / "cache" / "builds").iterdir()
    record.write_text(damage)
    assert not build("thing_spec.py")["specs"][0]["modules"][0]["unchanged"]
    assert build("thing_spec.py")["specs"][0]["modules"][0]["unchanged"]


def test_without_a_cache_everything_is_made_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMGRAD_CACHE_DIR", "")
    assert cache.cache_folder() is None
    for _ in range(2):
        assert not build("thing_spec.py")["specs"][0]["modules"][0]["unchanged"]
    monkeypatch.setenv("SYMGRAD_CACHE_DIR", str(project / "weights.npy"))  # a file: no folder can be made
    build("thing_spec.py")


def test_old_records_go(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "KEPT", 2)
    for number in range(5):
        cache.keep(project / "thing_spec.py", {}, {"modules": [], "number": number})
        monkeypatch.setattr(cache, "generator_digest", lambda number=number: f"version {number}")
    assert len(list((project.parent / "cache" / "builds").iterdir())) == 2


def test_records_of_the_gallery_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMGRAD_CACHE_DIR", str(tmp_path))
    spec = gallery()[0]
    (made,) = run_jobs([Job(spec, verify=False)])
    known = recall(Job(spec, verify=False))
    assert known is not None
    assert [m.files for m in known.modules] == [m.files for m in made.modules]
    assert [(m.ops, m.cost, m.rewrites) for m in known.modules] == [
        (m.ops, m.cost, m.rewrites) for m in made.modules
    ]


def test_checking_an_unchanged_tree_imports_neither_sympy_nor_jinja(project: Path) -> None:
    build("thing_spec.py")
    program = (
        "import sys; sys.argv = ['symgrad', 'build', '--check', 'thing_spec.py']\n"
        "from symgrad.commands.main import main\n"
        "try: main()\n"
        "except SystemExit as done: assert done.code == 0\n"
        "print([m for m in ('sympy', 'mpmath', 'jinja2', 'symgrad.building.generate') if m in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(symgrad.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.endswith("2 files in generated are up to date\n[]\n")


# --- orphans ----------------------------------------------------------------------------------------


def test_orphans_are_removed_where_that_is_asked_for(project: Path) -> None:
    build("thing_spec.py")
    made = project / "generated"
    (made / "handwritten.py").write_text("x = 1\n")
    (made / "old.py").write_text((made / "thing.py").read_text())
    found = run("build", "--check", "thing_spec.py", "--out", "generated")
    assert found.exit_code == 1
    assert found.stdout.endswith("to mend: symgrad build thing_spec.py --out generated --prune\n")
    build("thing_spec.py")
    assert (made / "old.py").exists()
    assert build("thing_spec.py", "--prune")["removed"] == [str(made / "old.py")]
    assert sorted(p.name for p in made.iterdir()) == ["handwritten.py", "thing.py", "thing.pyi"]
    assert run("build", "--check", "--prune", "thing_spec.py").exit_code == 2


# --- generated tests --------------------------------------------------------------------------------

TESTED = """
from typing import NamedTuple

import numpy as np
import symgrad as sg

class Pair(NamedTuple):
    a: str
    b: str

def loss(p, q, i):
    return np.sum(p.a * q["u"]) ** 2 * p.b + q["v"][0][i]

f = sg.trace(loss, p=Pair("n", ""), q={"u": "n", "v": ("3",)}, i=sg.array("", dtype="int64"))
g = sg.trace(lambda x, k: (np.sqrt(x[1:]) * x[:-1], np.sum(x > k)), x="n", k="")
tested = sg.Module("tested", {
    "loss": f, "loss_grad": sg.grad(f, wrt="p"), "pair": g, "rows": sg.jacobian(
        sg.trace(lambda x: x[1:] * x[:-1], x="n"), sparse=True
    ),
})
"""


def test_tests_are_generated_on_request(project: Path) -> None:
    (project / "tested_spec.py").write_text(TESTED)
    arguments = ("tested_spec.py", "--tests", "checks", "--out", "src/made")
    missing = run("build", "--check", *arguments)
    assert missing.exit_code == 1
    assert missing.stdout.endswith("to mend: symgrad build tested_spec.py --out src/made --tests checks\n")
    build(*arguments)
    test = project / "checks" / "test_tested.py"
    text = test.read_text()
    assert 'MODULE = Path(__file__).parent / "../src/made/tested.py"' in text
    assert "import symgrad" not in text
    assert run("build", "--check", *arguments).exit_code == 0
    assert build("tested_spec.py", "--out", "src/made")["specs"][0]["modules"][0]["unchanged"]
    # Elsewhere the tests find the module by another path.
    build("tested_spec.py", "--out", "made", "--tests", "checks")
    assert test.read_text() == text.replace("../src/made/", "../made/")
    build(*arguments)

    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout
    module = project / "src" / "made" / "tested.py"
    source = module.read_text()
    assert "np.sqrt(" in source
    module.write_text(source.replace("np.sqrt(", "1.0000000001 * np.sqrt("))
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == 1
    assert "pair, random 1" in done.stdout


def test_tests_that_no_spec_makes_are_orphans(project: Path) -> None:
    (project / "pyproject.toml").write_text(
        '[tool.symgrad]\nspecs = ["*_spec.py"]\nout = "made"\ntests = "checks"\n'
    )
    build()
    old = project / "checks" / "test_old.py"
    old.write_text((project / "checks" / "test_thing.py").read_text())
    (project / "checks" / "test_own.py").write_text("def test_own(): pass\n")
    found = json.loads(run("build", "--check", "--json").stdout)
    assert [(d["kind"], d["path"]) for d in found["differences"]] == [("orphan", str(old))]
    assert build("--prune")["removed"] == [str(old)]
    assert sorted(p.name for p in (project / "checks").glob("*.py")) == ["test_own.py", "test_thing.py"]
    (project / "pyproject.toml").write_text(
        '[tool.symgrad]\nspecs = ["*_spec.py"]\nout = "made"\ntests = "./made"\n'
    )
    result = run("build")
    assert result.exit_code == 2
    assert "would lie among the modules" in result.stderr


# --- depfiles ---------------------------------------------------------------------------------------


def test_a_depfile_names_the_spec_and_what_it_reads(project: Path) -> None:
    build("thing_spec.py", "--depfile", "thing.d")
    assert (project / "thing.d").read_text() == (
        "generated/thing.py: \\\n thing_spec.py \\\n shared_part.py \\\n weights.npy\n"
        "thing_spec.py:\nshared_part.py:\nweights.npy:\n"
    )
    (project / "thing.d").unlink()
    build("thing_spec.py", "--depfile", "thing.d")  # from the record
    assert "shared_part.py" in (project / "thing.d").read_text()


def test_names_in_depfiles_are_quoted() -> None:
    text = depfile([Path("/a b/$x.py")], [Path("/c#d/e.py")])
    assert text == "/a\\ b/$$x.py: \\\n /c\\#d/e.py\n/c\\#d/e.py:\n"
    with pytest.raises(SpecError, match="newline"):
        depfile([Path("/a\nb.py")], [])


@pytest.mark.parametrize("tool", ["make", "ninja"])
def test_make_and_ninja_rebuild_when_an_imported_module_changes(project: Path, tool: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not here")
    command = f"{sys.executable} -m symgrad build thing_spec.py --no-verify --quiet --depfile thing.d"
    (project / "Makefile").write_text(f"generated/thing.py: thing_spec.py\n\t{command}\n-include thing.d\n")
    (project / "build.ninja").write_text(
        f"rule symgrad\n  command = {command}\n  depfile = thing.d\n"
        "build generated/thing.py: symgrad thing_spec.py\ndefault generated/thing.py\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(symgrad.__file__).parents[1])}

    def made() -> int:
        done = subprocess.run([tool], cwd=project, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return loads(project)

    assert made() == 1
    assert made() == 1
    # Older than the module was a moment ago: no clock is waited for.
    for file in (*project.glob("generated/*"), *project.glob("*.*")):
        os.utime(file, (1e9, 1e9))
    (project / "shared_part.py").write_text(PART.replace("2", "7"))
    assert made() == 2
    assert "7" in (project / "generated" / "thing.py").read_text()
    (project / "shared_part.py").unlink()
    (project / "thing_spec.py").write_text(SPEC.replace("from shared_part import scale", "scale = abs"))
    later = time.time() + 2
    os.utime(project / "thing_spec.py", (later, later))
    assert made() == 3


def test_only_files_of_the_user_are_dependencies(project: Path) -> None:
    with dependencies.watched(project / "thing_spec.py") as found:
        import email.mime.audio  # noqa: F401  (a module of the standard library)

        (project / "shared_part.py").read_text()
        (project / "written.txt").write_text("x")
        (project / "missing.txt").exists()
    assert [path.name for path in found] == ["thing_spec.py", "shared_part.py"]


# --- killed, and side by side -----------------------------------------------------------------------

WRITER = """
import sys
from pathlib import Path
from symgrad.building.outcome import Built, Outcome
from symgrad.building.plan import Plan
from symgrad.building.write import write

folder = Path(sys.argv[1])
print("ready", flush=True)
turn = 0
while True:
    turn += 1
    files = {f"m{i}.py": f"# {turn}\\n" + "x = 1\\n" * 20_000 + "# end\\n" for i in range(4)}
    write(Plan((), folder, True), [Outcome(Path("s.py"), (Built("m", files, 1, 1),))])
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_killed_build_leaves_whole_files_and_the_next_one_sweeps(project: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(symgrad.__file__).parents[1])}
    made, left = project / "made", 0
    for seed in range(6):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(made)], stdout=subprocess.PIPE, env=environment
        )
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.05 + random.Random(seed).random() / 20)
        child.send_signal(signal.SIGKILL)
        child.wait()
        for path in made.glob("m*.py"):
            text = path.read_text()
            assert text.startswith("# ")
            assert text.endswith("x = 1\n# end\n")
            assert text.count("x = 1\n") == 20_000
        left += len(list(made.glob(".m*.tmp")))
    assert left > 0, "no kill came while a file was written: the test shows nothing"
    (made / ".mine.tmp").write_text("a file of somebody else's")
    from symgrad.building.outcome import Built, Outcome
    from symgrad.building.plan import Plan
    from symgrad.building.write import write

    files = {f"m{i}.py": "x = 1\n" for i in range(4)}
    write(Plan((), made, True), [Outcome(Path("s.py"), (Built("m", files, 1, 1),))])
    assert sorted(p.name for p in made.iterdir()) == [".mine.tmp", *sorted(files)]


def test_two_builds_at_once_make_what_one_makes(project: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(symgrad.__file__).parents[1])}
    command = [sys.executable, "-m", "symgrad", "build", "thing_spec.py", "--no-verify", "--quiet"]
    children = [subprocess.Popen(command, env=environment) for _ in range(3)]
    assert [child.wait() for child in children] == [0, 0, 0]
    assert sorted(p.name for p in (project / "generated").iterdir()) == ["thing.py", "thing.pyi"]
    assert run("build", "--check", "thing_spec.py").exit_code == 0
