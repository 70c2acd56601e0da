"""One spec: load it, generate its modules, verify them; all away from the folder they are meant for."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from symgrad.building.dependencies import watched
from symgrad.building.digest import file_digest
from symgrad.building.files import write_all
from symgrad.building.outcome import Built, Job, Outcome, record
from symgrad.building.specs import load, spec_error
from symgrad.cost import derivative_cost
from symgrad.errors import SymgradError, VerificationError
from symgrad.module import Module


def build_spec(job: Job) -> Outcome:
    """Load one spec, generate its modules and verify them; errors are part of the outcome."""
    started = time.perf_counter()
    before = file_digest(job.spec)
    try:
        # What a spec prints is not a part of our own output, which may be read by a program.
        with contextlib.redirect_stdout(sys.stderr):
            with watched(job.spec) as dependencies:
                modules = load(job.spec)
            digests = {path: file_digest(path) for path in dependencies}
            digests[dependencies[0]] = before  # the spec itself: what was loaded is no newer than this
            built = []
            for module in modules:
                built.append(_build_module(module, job))
                now = time.perf_counter()
                built[-1] = replace(built[-1], seconds=now - started)
                started = now
    except SymgradError as error:
        return Outcome(job.spec, error=error)
    outcome = Outcome(job.spec, tuple(built), dependencies=tuple(dependencies))
    if job.on_disk is None and not any(made.failures for made in built):
        record(outcome, digests)
    return outcome


def _build_module(module: Module, job: Job) -> Built:
    try:
        prepared = list(module.prepared.values())
        files = module.files() if job.on_disk is None else {}
    except Exception as error:
        found = spec_error(job.spec, error)
        found.where = f"{found.where}, module {module.name}"
        raise found from error
    built = Built(
        module.name,
        files,
        functions=len(prepared),
        ops=sum(sum(f.ops().values()) for f in prepared),
        cost=derivative_cost((f, module.base(title)) for title, f in module.prepared.items()),
        costs=module.costs,
        rewrites={title: dict(fired) for title, fired in module.rewrites.items() if fired},
    )
    if job.tests_at is not None and job.on_disk is None:
        built = replace(built, tests=_tests(module, job.tests_at), tested_at=job.tests_at)
    if not job.verify:
        return built
    if job.on_disk is not None:
        path = job.on_disk / f"{module.name}.py"
        if not path.is_file():
            return replace(built, failures=(f"{path} is missing; `symgrad build` writes it",))
        return _verified(built, path, module)
    with tempfile.TemporaryDirectory(prefix="symgrad-") as folder:
        write_all({Path(folder) / name: text for name, text in files.items()})
        return _verified(built, Path(folder) / f"{module.name}.py", module)


def _tests(module: Module, folder: str) -> dict[str, str]:
    from symgrad.verify.cases import tests_of

    path = f"{folder}/{module.name}.py"
    text = tests_of(module.name, module.functions, path, module.spec, module.program.digest)
    return {f"test_{module.name}.py": text}


def _verified(built: Built, path: Path, module: Module) -> Built:
    # The oracle imports sympy: a build without it need not wait for that.
    from symgrad.verify.check import verify_module
    from symgrad.verify.story import story

    try:
        reports = verify_module(path, module.functions)
    except VerificationError as failure:
        return replace(built, failures=(str(failure),))
    except Exception as failure:  # generated code that does not even import, or fails when called
        return replace(built, failures=(f"{type(failure).__name__}: {failure}",))
    failures = []
    source = path.read_text(encoding="utf-8")
    for report in reports:
        if not report.ok:
            failures.append(story(report, source, path.name))
        elif not report.compared:  # no evidence is no agreement
            failures.append(f"{report.function}: no element could be compared at any point")
    return replace(built, error=max(report.max_error for report in reports), failures=tuple(failures))
