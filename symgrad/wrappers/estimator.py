"""A model of a module as a scikit-learn estimator, fitted by scipy's L-BFGS or by gradient descent."""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from symgrad.errors import SpecError
from symgrad.graph import Function
from symgrad.shapes import core, dim_names, dim_source
from symgrad.tree import is_leaf
from symgrad.wrappers.base import Beside
from symgrad.wrappers.differentiable import displayed

#: What every estimator has as a parameter or a method.
TAKEN = ("solver", "learning_rate", "max_iter", "tol", "random_state", "fit", "predict", "self", "score")


@dataclass(frozen=True)
class Estimator:
    """See `estimator`."""

    name: str
    kind: Literal["regressor", "classifier"]
    fit: str
    predict: str
    X: str = "X"
    y: str = "y"
    settings: Mapping[str, float] = field(default_factory=dict)

    suffix = "sklearn"
    template = "wrappers/sklearn.py.jinja"

    def variables(self, module: Beside) -> Mapping[str, Any]:
        """What the template is filled in with."""
        fitted = self._function(module, self.fit)
        origin = fitted.origin
        if origin is None or origin.kind != "value_and_grad":
            raise SpecError(f"estimator {self.name}: {self.fit!r} is no value and gradient of a loss")
        base, predict = origin.base, self._function(module, self.predict)
        for function in (base, predict):
            if not all(is_leaf(p.tree) for p in function.parameters):
                raise SpecError(f"estimator {self.name}: {function.name} has a parameter with a structure")
        names = [p.name for p in base.parameters]
        for name in (self.X, self.y):
            if name not in names:
                raise SpecError(
                    f"estimator {self.name}: {base.name} has no parameter {name!r}", expected=", ".join(names)
                )
        weights = list(origin.wrt)
        settings = [name for name in names if name not in (self.X, self.y, *weights)]
        missing = [p.name for p in predict.parameters if p.name not in (self.X, *weights, *settings)]
        if missing:
            raise SpecError(
                f"estimator {self.name}: {self.predict} takes {missing[0]!r}, which {base.name} has not"
            )
        leaf = {p.name: p.tree for p in base.parameters}
        known = {
            n: f"X.shape[{i}]" for i, s in enumerate(leaf[self.X].shape) for n in [str(s)] if n in base.dims
        }
        labels = leaf[self.y].dtype == "int64"
        (output,) = predict.output_nodes
        if self.kind == "classifier" and labels:
            known.setdefault(str(output.shape[-1]), "len(self.classes_)")
        else:
            for axis, size in enumerate(leaf[self.y].shape):
                if str(size) in base.dims:
                    known.setdefault(str(size), f"y.shape[{axis}]")
        needed = {n for w in weights for s in core(leaf[w].shape) for n in dim_names(s)}
        free = [n for n in base.dims if n in needed and n not in known]
        wanted = [*settings, *free]
        for name in wanted:
            if name not in self.settings:
                raise SpecError(
                    f"estimator {self.name}: no value for {name!r}",
                    hint=f"sg.wrappers.estimator(..., {name}=...)",
                )
        for name in self.settings:
            if name not in wanted:
                raise SpecError(
                    f"estimator {self.name}: {name!r} is nothing to set", expected=", ".join(wanted)
                )
        local = {name: name for name in needed}
        texts = {w: [dim_source(size, local, " * ") for size in core(leaf[w].shape)] for w in weights}
        shapes = {w: displayed(sizes) if sizes else "()" for w, sizes in texts.items()}
        return {
            "name": self.name,
            "kind": self.kind,
            "fit": self.fit,
            "predict": self.predict,
            "call": [
                self._argument(n, [f"weights[{i}]" for i in range(len(weights))], weights, settings)
                for n in names
            ],
            "predict_call": [
                self._argument(p.name, [f"self.{w}_" for w in weights], weights, settings)
                for p in predict.parameters
            ],
            "fitted": ", ".join(f"self.{w}_" for w in weights)
            if len(weights) > 1
            else f"(self.{weights[0]}_,)",
            "shapes": list(shapes.values()),
            "weights": list(shapes.items()),
            "settings": [(name, self.settings[name]) for name in wanted],
            "sizes": [(n, known[n]) for n in base.dims if n in needed and n in known],
            "free": free,
            "labels": labels,
            "columns": len(output.shape) == 2,
            "several": not is_leaf(fitted.result[1]) if isinstance(fitted.result, tuple) else False,
            "multi": len(leaf[self.y].shape) == 2,
            "doc": " ".join(base.doc.partition("\n\n")[0].split()),
        }

    def _function(self, module: Beside, title: str) -> Function:
        if title not in module.functions:
            raise SpecError(
                f"estimator {self.name}: module {module.name!r} has no function {title!r}",
                expected=", ".join(module.functions),
            )
        return module.functions[title]

    def _argument(self, name: str, texts: list[str], weights: list[str], settings: list[str]) -> str:
        if name in weights:
            return texts[weights.index(name)]
        return f"self.{name}" if name in settings else {self.X: "X", self.y: "y"}[name]


def estimator(
    name: str,
    *,
    kind: Literal["regressor", "classifier"],
    fit: str,
    predict: str,
    X: str = "X",
    y: str = "y",
    **settings: float,
) -> Estimator:
    """A file `<module>_sklearn.py` with a scikit-learn estimator that is fitted by the generated gradient.

    Parameters
    ----------
    name
        Name of the class.
    kind
        "regressor", or "classifier". A classifier's labels become 0 and 1 where y is a float, and its
        `predict` function gives the probability of 1; they become 0 to k-1 where y is int64, and `predict`
        gives a row of scores.
    fit
        Title of the module's value and gradient of the loss; what it differentiates by is what is fitted.
    predict
        Title of the function of X and what was fitted.
    X, y
        Names of the data in the loss.
    **settings
        Defaults of what else the loss takes, and of sizes that do not follow from the data, such as the
        number of hidden units. They become parameters of the estimator.

    Raises
    ------
    SpecError
        When the file is made: for a name that the module does not have, or a setting without a value.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise SpecError(f"an estimator cannot be called {name!r}", expected="a Python identifier")
    if kind not in ("regressor", "classifier"):
        raise SpecError(f"estimator {name}: kind is {kind!r}", expected="'regressor' or 'classifier'")
    for setting in settings:
        if setting in TAKEN or not setting.isidentifier() or keyword.iskeyword(setting):
            raise SpecError(f"estimator {name}: a parameter cannot be called {setting!r}")
    return Estimator(name, kind, fit, predict, X, y, settings)
