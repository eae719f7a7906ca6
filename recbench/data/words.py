"""What is said of datasets, in English or in another language.

Fixed labels are translated here. What a card says is translated in a file beside the dataset's
reader, called by the language (`zh.toml`): a table from each English sentence to its translation,
where `#` stands for a number.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from recbench.data.card import Dataset

LABELS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        " ({aside})": "（{aside}）",
        "{label}: {told}": "{label}：{told}",
        "Files": "文件",
        "Protocols": "划分方式",
        "Where the protocols come from, and what changed": "划分方式的出处与改动",
        "Source": "出处",
        "Published counts": "公布的数量",
        "Notes": "说明",
        "As prepared": "预处理之后",
        "Datasets": "数据集",
        "task": "任务",
        "version": "版本",
        "licence": "许可",
        "citation": "引用",
        "get the files from": "文件来源",
        "put them in": "放置位置",
        "simulator": "模拟器",
        "none": "无",
        "always simulated: {source}": "始终为模拟数据：{source}",
        "sizes {sizes}": "规模：{sizes}",
        "dataset": "数据集",
        "role": "角色",
        "file": "文件名",
        "read by": "读取它的划分方式",
        "all": "全部",
        "protocol": "划分方式",
        "protocols": "划分方式",
        "default": "默认",
        "split": "划分",
        "settings": "设置",
        "predicted": "预测目标",
        "judged apart": "分别评估",
        "real files": "真实文件",
        "simulated, size {size}": "模拟数据，规模 {size}",
        "interactions": "交互数",
        "users": "用户数",
        "items": "物品数",
        "rows": "行数",
        "pairs": "点击对数",
        "train": "训练",
        "valid": "验证",
        "test": "测试",
        "log": "日志",
        "fields": "字段",
        "density": "密度",
        "popularity Gini": "流行度基尼系数",
        "events a user": "每个用户的事件数",
        "label correlation": "标签相关系数",
        "vectors": "向量",
        "`{name}`: {width} wide, of {items} items": "`{name}`：{width} 维，{items} 个物品有",
        "{part} {state}": "{part} {state}",
        "{part} histories": "{part}历史长度",
        "{part} examples": "{part}样本",
        "{part} fingerprint": "{part}指纹",
        "{episodes} episodes, {queries} queries, support {support}": (
            "{episodes} 个任务片段，{queries} 个查询，支持集 {support}"
        ),
        "{share} clicks": "点击率 {share}",
        "{share} new users": "新用户 {share}",
        "{share} new items": "新物品 {share}",
        "leakage": "泄漏",
        "left out": "略去",
        "unknown: {reason}": "未知：{reason}",
        "the raw files carry no time": "原始文件没有时间",
        "{count} test targets ({share}) precede a training event": (
            "{count} 个测试目标（{share}）早于某个训练事件"
        ),
        "ctr": "点击率预估",
        "next-item": "下一物品预测",
        "multi-task": "多任务学习",
        "cold-start": "冷启动",
    }
}
"""Translations of labels, by language; what is not here is said in English."""
NUMBER = re.compile(r"[0-9]+(?:,[0-9]{3})*")
NAMES_ALONE = re.compile(r"\S+|[^a-z]+")
"""An address and a text without small letters, such as `CC BY 4.0`, need no translation."""


class Words:
    """Labels and sentences in one language.

    Args:
        language: `en`, or one of `LABELS`.
        dataset: Beside whose reader the file of sentences is.

    Attributes:
        missing: Sentences asked for so far that have no translation.
    """

    def __init__(self, language: str, dataset: Dataset) -> None:
        self.language = language
        module = sys.modules[type(dataset).__module__]
        self._labels = LABELS.get(language, {})
        self._sentences = sentences(language, module.__package__ or "")
        self.missing: list[str] = []

    def label(self, text: str, **values: object) -> str:
        """Return a label, or a template of one with `values` for its names."""
        return self._labels.get(text, text).format(**values)

    def sentence(self, text: str) -> str:
        """Return a sentence of a card or of a report; numbers may differ from the translated."""
        if self.language == "en":
            return text
        if found := self._sentences.get(text):
            return found
        template = self._sentences.get(NUMBER.sub("#", text))
        if not template:
            self.missing += [] if NAMES_ALONE.fullmatch(text) else [text]
            return text
        numbers = iter(NUMBER.findall(text))
        return re.sub("#", lambda _: next(numbers), template)

    def name(self, text: str) -> str:
        """Return a text of which a part may be names, such as a citation: English without one."""
        return self._sentences.get(text) or text


@cache
def sentences(language: str, package: str) -> Mapping[str, str]:
    """Return the translations in a package's file of a language; none if there is no file."""
    place = resources.files(package).joinpath(f"{language}.toml") if package else None
    if place is None or not place.is_file():
        return {}
    return tomllib.loads(place.read_text(encoding="utf-8"))
