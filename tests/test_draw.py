"""Pictures and formulas of functions: what they show, and that nothing in them overlaps or leaves its box."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from click.testing import CliRunner

import symgrad as sg
from symgrad.building.plan import gallery
from symgrad.building.specs import load
from symgrad.commands.main import cli
from symgrad.draw.boxes import picture
from symgrad.draw.dot import dot
from symgrad.draw.latex import formula, latex, symbol
from symgrad.draw.layout import layout
from symgrad.draw.style import BORDER, box_size, width_of
from symgrad.draw.terms import terms
from symgrad.errors import SymgradError

SPEC = str(next(path for path in gallery() if path.name == "regression.py"))


def wave():
    def loss(X, y, w, lam):
        z = X @ w
        return np.mean(np.sin(z) - y * z) + lam * np.sum(w**2)

    return sg.trace(loss, X="n d", y="n", w="d", lam="")


def boxes(f):
    return {box.name: box for box in picture(f).boxes}


def test_boxes_have_the_names_and_formulas_of_the_generated_code():
    found = boxes(sg.value_and_grad(wave(), wrt="w"))
    assert list(found) == ["X", "y", "w", "lam", "z", "loss", "z_bar", "w_bar"]
    assert found["z"].formula == ("X @ w",) and found["z"].shape == "(n,)" and found["z"].role == "forward"
    assert found["z_bar"].formula == ("(cos(z) - y) / n",) and found["z_bar"].role == "adjoint"
    assert [found[name].role for name in ("X", "loss", "w_bar")] == ["input", "output", "gradient"]


def test_the_sum_over_paths_is_shown_a_term_a_line():
    found = boxes(sg.value_and_grad(wave(), wrt="w"))
    # Two paths leave w, through z and the penalty; two leave z, through the sine and the product.
    assert found["w_bar"].paths == 2 and found["w_bar"].formula == ("2 * lam * w", "+ X.T @ z_bar")
    assert found["z_bar"].paths == 2 and found["loss"].paths == 0


def test_lines_of_the_users_source():
    f = wave()
    first = int(next(iter(f.lines.values())).partition(":")[2])
    found = boxes(sg.value_and_grad(f, wrt="w"))
    for name, offset in {"z": 0, "loss": 1, "z_bar": 0, "w_bar": 0}.items():
        assert found[name].line == f"test_draw.py:{first + offset}", name


def test_an_argument_used_everywhere_has_no_fan_of_arrows():
    def deep(x, w):
        for _ in range(8):
            x = np.tanh(x * w)
        return np.sum(x)

    drawn = picture(sg.value_and_grad(sg.trace(deep, x="n", w="n"), wrt="x"))
    (w,) = [box for box in drawn.boxes if box.name == "w"]
    assert w.uses > 6 and not any(arrow.tail == w.key for arrow in drawn.arrows)


def test_tangents_are_a_side_of_their_own():
    drawn = picture(sg.jvp(wave(), wrt="w"))
    assert drawn.derivative == "Tangents" and not drawn.reverse
    assert {box.role for box in drawn.boxes if box.derivative} == {"tangent"}


@pytest.mark.parametrize("path", gallery(), ids=lambda path: path.stem)
def test_every_function_of_the_gallery_can_be_drawn(path):
    for module in load(path):
        for title, function in module.functions.items():
            drawn = picture(function, title)
            keys = {box.key for box in drawn.boxes}
            assert all(arrow.tail in keys and arrow.head in keys for arrow in drawn.arrows)
            assert len(drawn.boxes) <= len(function.nodes()) + len(function.output_nodes)
            assert dot(drawn).count("{") == dot(drawn).count("}")
            assert balanced(latex(function))
            assert not re.search(r"_\{[^{}]*\}_\{", latex(function))  # a double subscript


def balanced(text):
    depth = 0
    for token in re.findall(r"\\.|[{}]", text):
        depth += {"{": 1, "}": -1}.get(token, 0)
        if depth < 0:
            return False
    return depth == 0 and text.count(r"\left") - text.count(r"\leftarrow") == text.count(r"\right")


def test_boxes_do_not_overlap_and_arrows_end_at_them():
    pytest.importorskip("pygraphviz")
    drawn = picture(sg.value_and_grad(wave()))
    place = layout(drawn)
    sizes = {box.key: box_size(box) for box in drawn.boxes}
    keys = sorted(sizes)
    for i, a in enumerate(keys):
        for b in keys[:i]:
            (ax, ay), (bx, by) = place.centres[a], place.centres[b]
            wide, high = (sizes[a][0] + sizes[b][0]) / 2, (sizes[a][1] + sizes[b][1]) / 2
            assert abs(ax - bx) > wide - 1 or abs(ay - by) > high - 1, (a, b)
    for arrow, (points, tip, _) in zip(drawn.arrows, place.splines):
        for key, (x, y) in ((arrow.tail, points[0]), (arrow.head, tip)):
            (cx, cy), (width, height) = place.centres[key], sizes[key]
            assert abs(x - cx) < width / 2 + 3 and abs(y - cy) < height / 2 + 3, arrow
    # An adjoint stands beside its value, and the derivative on the right.
    for primal, adjoint in drawn.pairs:
        assert place.centres[primal][1] == pytest.approx(place.centres[adjoint][1], abs=20)
        assert place.centres[primal][0] < place.centres[adjoint][0]


def test_svg_is_xml_whose_texts_fit_and_mean_what_names_say():
    pytest.importorskip("pygraphviz")
    f = sg.trace(lambda x, y: np.where(x < y, x, y), name="a<b>&c", x="n", y="n")
    text = f._repr_svg_()
    root = ET.fromstring(text)
    shown = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "a<b>&c" in shown
    for box in picture(f).boxes:
        assert max(map(width_of, (box.name, *box.formula))) <= box_size(box)[0] - 2 * BORDER + 1e-9


def test_the_same_function_has_the_same_picture():
    pytest.importorskip("pygraphviz")
    assert sg.grad(wave())._repr_svg_() == sg.grad(wave())._repr_svg_()


def test_png_has_two_pixels_a_point(tmp_path):
    pytest.importorskip("pygraphviz")
    pytest.importorskip("resvg_py")
    for name in ("a.svg", "a.png"):
        target = f"{SPEC}:linear_regression:predict"
        done = CliRunner().invoke(cli, ["show", target, "-o", str(tmp_path / name)])
        assert done.exit_code == 0, done.output
    data = (tmp_path / "a.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    size = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    root = ET.fromstring((tmp_path / "a.svg").read_text(encoding="utf-8"))
    assert size == (2 * int(root.attrib["width"]), 2 * int(root.attrib["height"]))


def test_without_what_draws_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pygraphviz", None)
    with pytest.raises(SymgradError, match="pygraphviz") as caught:
        layout(picture(wave()))
    assert 'pip install "symgrad[draw]"' in str(caught.value)
    assert wave()._repr_svg_() is None and wave()._repr_html_() is None  # the formulas alone


@pytest.mark.parametrize("form", ["text", "latex", "dot"])
def test_these_formats_need_nothing(monkeypatch, form):
    for module in ("pygraphviz", "resvg_py", "matplotlib"):
        monkeypatch.setitem(__import__("sys").modules, module, None)
    done = CliRunner().invoke(cli, ["show", f"{SPEC}:linear_regression:predict", "--format", form])
    assert done.exit_code == 0
    assert {"text": "matvec", "latex": r"X \, w + b", "dot": "X @ w + b"}[form] in done.output


@pytest.mark.parametrize(
    "name, expected",
    [
        ("w", "w"),
        ("W1", "W_{1}"),
        ("z_bar", r"\bar{z}"),
        ("z_bar_2", r"\bar{z}_{2}"),
        ("lam", r"\lambda"),
        ("sigma_x", r"\sigma_{x}"),
        ("theta_dot", r"\dot{\theta}"),
        ("loss", r"\mathrm{loss}"),
        ("cos_x", r"\mathrm{cos\_x}"),
        ("residual_bar", r"\overline{\mathrm{residual}}"),
    ],
)
def test_names_as_mathematics_writes_them(name, expected):
    assert symbol(name) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("X.T @ (a - b)", r"{X}^{\top} \, \left(a - b\right)"),
        ("a - (b - c)", r"a - \left(b - c\right)"),
        ("-(x + 1)**2", r"-{\left(x + 1\right)}^{2}"),
        ("(a / b)**2", r"{\left(\frac{a}{b}\right)}^{2}"),
        ("2 * x", r"2 \, x"),
        ("x.sum(axis=0)", r"\sum_{\text{axis } 0} x"),
        ("exp(-x) * sqrt(y)", r"e^{-x} \cdot \sqrt{y}"),
        ("where(x > 0, x, 0.0)", r"\begin{cases} x & \text{if } x > 0 \\ 0.0 & \text{otherwise} \end{cases}"),
        ("linalg.solve(A, b)", r"\operatorname{solve}\left(\mathrm{linalg}, A, b\right)"),
        ("solve(A, b)", r"{A}^{-1} \, b"),
        ("1e-05 * x", r"1 \cdot 10^{-5} \, x"),
        ("c[:, None]", "c"),
        ("theta[:-1]", r"\theta_{:-1}"),
        ("t2[1:]", r"{t_{2}}_{1:}"),
    ],
)
def test_formulas(text, expected):
    assert formula(text) == expected


def test_terms_keep_their_parentheses():
    assert terms("a * (b - c) - (d + e) + f(x - y)") == ["a * (b - c)", "- (d + e)", "+ f(x - y)"]
    assert terms("a @ b") == ["a @ b"]


def test_a_notebook_shows_formulas_between_dollars():
    text = sg.grad(wave(), wrt="w")._repr_latex_()
    assert text.startswith("$$\n\\begin{aligned}") and text.endswith("\\end{aligned}\n$$")
    assert r"\bar{w} &= 2 \, \lambda \cdot w + {X}^{\top}" in text


def test_a_notebook_shows_formulas_and_the_graph_below_them():
    pytest.importorskip("pygraphviz")
    f = sg.trace(lambda x: np.where(x < 0, 0.0, x), name="a<b", x="...")
    text = f._repr_html_()
    assert text.startswith("<div>$$\n") and "x &lt; 0" in text and "<summary>a&lt;b as a graph" in text
    root = ET.fromstring(f"<all>{text}</all>")
    assert root.find("details/{http://www.w3.org/2000/svg}svg") is not None


def test_nothing_is_shown_of_what_nobody_would_read():
    def long(x):
        for i in range(600):
            x = x * x + i
        return x

    f = sg.trace(long, x="...")
    assert f._repr_latex_() is None and f._repr_svg_() is None and f._repr_html_() is None
