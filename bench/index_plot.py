"""`python -m bench.index_plot`: draws docs/retrieval-*.svg and prints the tables of docs/retrieval.md, from bench/index.json."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.children import ROOT
from bench.index import WRITTEN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FILTERS = ("all", "10.0% random", "10.0% clustered", "1.0% random", "1.0% clustered", "0.1% random", "0.1% clustered")
STYLES: Mapping[str, tuple[str, str]] = {
    "Sidenote": ("#c2410c", "*"),
    "faiss Flat": ("#1f2937", "s"),
    "faiss IVFFlat": ("#2563eb", "o"),
    "faiss HNSW32": ("#059669", "^"),
    "faiss HNSW32 SQ8": ("#65a30d", "v"),
    "hnswlib": ("#7c3aed", "D"),
    "usearch bf16": ("#db2777", "P"),
    "milvus-lite flat": ("#0891b2", "X"),
    "lancedb flat": ("#a16207", "h"),
}
"""Colour and marker of each library."""


def main(folder: Path) -> None:
    """Write a plot for each size, and the tables to standard output."""
    import matplotlib as mpl

    mpl.rcParams |= {"svg.hashsalt": "sidenote", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 11}
    for found in json.loads(WRITTEN.read_text()):
        draw(found).savefig(folder / f"retrieval-{found['rows']}.svg", metadata={"Date": None}, facecolor="white")
        sys.stdout.write(table(found) + "\n\n")


def draw(found: Mapping[str, Any]) -> Figure:
    """Recall against queries a second of a core, a panel for each filter."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 8.2), layout="constrained")
    panels = figure.subplots(2, 4, sharey=True).ravel()
    for panel, name in zip(panels, FILTERS, strict=False):
        _panel(panel, name, [line for line in found["searches"] if line["filter"] == name])
    handles, labels = panels[0].get_legend_handles_labels()
    panels[-1].axis("off")
    panels[-1].legend(handles, labels, loc="center", frameon=False, fontsize=12)
    figure.suptitle(f"{found['rows']:,} x {found['columns']} vectors, the 10 nearest: what is found, and how fast", fontsize=15)
    figure.supxlabel("recall of the true nearest 10")
    figure.supylabel("queries a second of one core")
    return figure


def _panel(panel: Axes, name: str, lines: Sequence[Mapping[str, Any]]) -> None:
    for library, (colour, marker) in STYLES.items():
        mine = sorted((line["recall"], 1000 / line["ms"], line["batch"]) for line in lines if line["library"] == library)
        if not mine:
            continue
        if library == "Sidenote":
            for batch, filled in ((64, colour), (1, "white")):
                points = [(recall, rate) for recall, rate, of in mine if of == batch]
                text = f"Sidenote, {'64 queries at once' if batch > 1 else 'one by one'}"
                panel.plot(
                    *zip(*points, strict=True),
                    marker,
                    color=colour,
                    markerfacecolor=filled,
                    markersize=15,
                    label=text,
                    zorder=5,
                    clip_on=False,
                )
        else:
            recalls, rates = [one[0] for one in mine], [one[1] for one in mine]
            panel.plot(recalls, rates, marker=marker, color=colour, markersize=6, linewidth=1.4, label=library)
    panel.set_yscale("log")
    panel.set_xlim(*((0.8, 1.005) if name == "all" else (0, 1.02)))
    panel.grid(alpha=0.25)
    panel.set_title(_title(name))


def _title(name: str) -> str:
    if name == "all":
        return "no filter (recall from 0.8)"
    share, how = name.removesuffix("random").removesuffix("clustered").strip(), name.split()[1]
    kept = share.replace(".0%", " %").replace("0.1%", "0.1 %")
    return f"a filter keeps {kept}, {'random' if how == 'random' else 'like the queries'}"


def table(found: Mapping[str, Any]) -> str:
    """What the goals compare, as Markdown: medians, queries a second of a core."""
    head = (
        "filter",
        "queries at once",
        "plan",
        "recall",
        "queries a second",
        "beside",
        "its recall",
        "its queries a second",
        "times as fast",
    )
    lines = [
        (
            duel["filter"],
            str(duel["batch"]),
            ", ".join(duel["plans"]),
            f"{duel['recall']:.3f}",
            f"{1000 / _median(duel['ms']):,.0f}",
            f"{duel['library']} {duel['setting'] or ''}".strip(),
            f"{duel['their_recall']:.3f}",
            f"{1000 / _median(duel['their_ms']):,.0f}",
            f"{_median(duel['their_ms']) / _median(duel['ms']):.1f}",
        )
        for duel in found["duels"]
    ]
    built = [(name, f"{one['cpu_seconds']:,.1f}", f"{one['bytes'] / found['bytes']:.3f}") for name, one in found["built"].items()]
    title = f"### {found['rows']:,} x {found['columns']}"
    return "\n\n".join((title, _grid(head, lines), _grid(("index", "CPU seconds to build", "bytes of the vectors' bytes"), built)))


def _median(samples: Sequence[float]) -> float:
    return sorted(samples)[len(samples) // 2]


def _grid(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *lines))


if __name__ == "__main__":
    main(ROOT / "docs")
