"""The table of all preparations: what goes in, what comes out, what it takes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import recbench.datasets
from datasheets.measurement import Measurement
from recbench.data import Dataset
from recbench.data.fingerprint_pins import published_pins
from recbench.data.page import table

SHOWN = ("0.25", "0.5", "0.75", "0.99")
"""Quantiles of the lengths of histories that the table has."""
# ruff: noqa: E501 - of the page
TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "What preparation takes",
        "about": f"""\
One row a protocol, each prepared in a process of its own. *Lines in* are those of all raw files that are read, headers
and side files included; *kept* are events of the log, or rows of a table. Examples are those of train / valid / test,
histories those of train, as quantiles {" / ".join(SHOWN)}. The fingerprint is the beginning of the test part's. CPU
seconds count all threads, for a clock on the wall depends on what else a machine does. The peak is that of the whole
process, of which Python and its libraries take about {{empty}} MiB.

Sources: *real* are the published files; *sample* are some rows of them; *simulated* are those of recbench's simulators,
size {{size}}; *generated* are the small files that tests are made of, which say nothing of the dataset.""",
        "head": "dataset|protocol|source|lines in|kept|users|items|examples|histories|fingerprint|"
        "CPU s|peak MiB",
        "code": "Lines of code",
        "code head": "file of recbench/datasets|lines|datasets",
        "shared": "shared by others",
        "real": "real",
        "sample": "sample",
        "simulated": "simulated",
        "generated": "generated",
    },
    "zh": {
        "title": "预处理的开销",
        "about": f"""\
每个划分方式一行，各在单独的进程中预处理。“读入行数”是所读全部原始文件的行数，表头与附属文件也计入；“保留”是日志的事件数，
或表格的行数。样本依次为训练 / 验证 / 测试；历史指训练部分的历史长度，给出分位数 {" / ".join(SHOWN)}。
指纹取测试部分指纹的开头。CPU 秒计入所有线程，因为挂钟时间取决于机器同时在做的其他事。
峰值内存是整个进程的，其中 Python 与各库约占 {{empty}} MiB。

来源：“真实”为公布的文件；“样例”为其中若干行；“模拟”来自 recbench 的模拟器，规模 {{size}}；
“生成”为测试所用的小文件，与数据集的内容无关。""",
        "head": "数据集|划分方式|来源|读入行数|保留|用户数|物品数|样本|历史|指纹|CPU 秒|峰值 MiB",
        "code": "代码行数",
        "code head": "recbench/datasets 中的文件|行数|数据集",
        "shared": "由其他文件共用",
        "real": "真实",
        "sample": "样例",
        "simulated": "模拟",
        "generated": "生成",
    },
}


@dataclass(frozen=True)
class Row:
    """A preparation, as the table shows it; a count is None where there are no such things."""

    dataset: str
    version: int
    protocol: str
    source: str
    lines: int
    kept: int
    users: int | None
    items: int | None
    examples: list[int]
    histories: list[int]
    fingerprint: str
    cpu_seconds: float
    peak_mib: int


@dataclass(frozen=True)
class Figures:
    """Everything that the table has and only a measurement can say.

    Attributes:
        rows: Preparations.
        code: Lines of each file of recbench's datasets.
        empty_mib: Memory of a process that has prepared nothing.
    """

    rows: list[Row]
    code: dict[str, int]
    empty_mib: int

    @staticmethod
    def load(place: Path) -> Figures:
        """Read them from a file."""
        content = json.loads(place.read_text(encoding="utf-8"))
        return Figures(**{**content, "rows": [Row(**row) for row in content["rows"]]})

    def with_rows(self, rows: list[Row]) -> Figures:
        """Return them with these rows, of one dataset, in place of those that it had."""
        name = rows[0].dataset
        places = [place for place, row in enumerate(self.rows) if row.dataset == name]
        start = places[0] if places else len(self.rows)
        kept = [row for row in self.rows if row.dataset != name]
        return replace(self, rows=[*kept[:start], *rows, *kept[start:]])

    def save(self, place: Path) -> None:
        """Write them to a file."""
        place.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def row(measured: Measurement) -> Row:
    """Return the row of a preparation."""
    manifest = measured.manifest
    counts = manifest.counts
    lengths = manifest.characteristics["parts"]["train"].get("history_length", {})
    return Row(
        manifest.dataset,
        manifest.version,
        manifest.protocol,
        measured.source,
        measured.lines,
        counts.get("interactions") or counts["rows"],
        counts.get("users"),
        counts.get("items"),
        [counts[part] for part in ("train", "valid", "test")],
        [lengths[quantile] for quantile in SHOWN if lengths],
        manifest.fingerprints["test"][:12],
        round(measured.cpu, 1),
        measured.peak >> 20,
    )


def code_lines() -> dict[str, int]:
    """Return the lines of each file of recbench's datasets."""
    files = sorted(Path(recbench.datasets.__path__[0]).glob("[!_]*.py"))
    return {file.name: len(file.read_text(encoding="utf-8").splitlines()) for file in files}


def lines(figures: Figures, datasets: Iterable[Dataset], language: str, size: str) -> Iterator[str]:
    """Yield the lines of the page, below its title."""
    texts = TEXTS[language]
    yield from (texts["about"].format(empty=figures.empty_mib, size=f"`{size}`"), "")
    yield from table(texts["head"].split("|"), (_cells(each, texts) for each in figures.rows))
    yield from (f"## {texts['code']}", "")
    of: dict[str, list[str]] = {}
    for dataset in datasets:
        module = type(dataset).__module__.rpartition(".")[2]
        of.setdefault(f"{module}.py", []).append(f"`{dataset.card.name}`")
    named = (
        [f"`{file}`", str(count), ", ".join(of.get(file, [texts["shared"]]))]
        for file, count in figures.code.items()
    )
    yield from table(texts["code head"].split("|"), named)


def faults(figures: Figures, datasets: Iterable[Dataset]) -> Iterator[str]:
    """Yield what the table lacks, or has that is no longer so."""
    found = {(row.dataset, row.version, row.protocol): row for row in figures.rows}
    for dataset in datasets:
        card = dataset.card
        pins = published_pins(dataset)
        for protocol in card.protocols:
            measured = found.get((card.name, card.version, protocol))
            if not measured:
                yield f"the table lacks {card.name} ({protocol}): run `make pages`"
                continue
            pinned = [
                pin["fingerprints"]["test"][:12]
                for pin in (pins[1] if pins else ())
                if (pin["dataset"], pin["protocol"]) == (card.name, protocol)
            ]
            if pinned and measured.fingerprint not in pinned:
                yield f"the table has no pinned {card.name} ({protocol}): run `make pages`"


def _cells(row: Row, texts: Mapping[str, str]) -> list[str]:
    return [
        f"`{row.dataset}`",
        f"`{row.protocol}`",
        texts[row.source],
        f"{row.lines:,}",
        *("—" if count is None else f"{count:,}" for count in (row.kept, row.users, row.items)),
        " / ".join(f"{count:,}" for count in row.examples),
        " / ".join(f"{length:,}" for length in row.histories) or "—",
        f"`{row.fingerprint}`",
        f"{row.cpu_seconds:.1f}",
        str(row.peak_mib),
    ]
