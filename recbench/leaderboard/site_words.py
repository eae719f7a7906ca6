"""What the site says, in each of its languages; titles and notes of tables are English in both."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("en", "zh-CN")
"""The first is that of pages without a language in their name."""

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "name": "English",
        "title": "Leaderboard",
        "intro": "Recommender models, trained and scored on hash-locked data and splits. Real and "
        "simulated data never share a table; models that cannot be told apart share a rank.",
        "reading": "The arrow at a metric says which way is better. Click the head of a column to "
        "sort by it.",
        "dataset": "dataset",
        "split": "split",
        "data": "data",
        "models": "models",
        "best": "first",
        "score": "score",
        "real": "real",
        "simulated": "simulated",
        "limit": "LIMITED",
        "caution": "CAUTION",
        "stale": "STALE",
        "records": "Records",
        "seed": "seed",
        "study": "study",
        "footer": "Made of {count} records by <code>recbench publish</code>. Each has the "
        "configuration, the fingerprints of the data and the state of the code; "
        "<code>recbench verify</code> and <code>recbench reproduce</code> check them.",
    },
    "zh-CN": {
        "name": "中文",
        "title": "排行榜",
        "intro": "推荐模型在哈希锁定的数据与划分上训练和评分。真实数据与模拟数据绝不放进同一张表；"
        "无法区分优劣的模型并列同一名次。",
        "reading": "指标旁的箭头表示哪个方向更好。点击列标题可按该列排序。",
        "dataset": "数据集",
        "split": "划分",
        "data": "数据",
        "models": "模型数",
        "best": "第一名",
        "score": "得分",
        "real": "真实",
        "simulated": "模拟",
        "limit": "仅部分数据",
        "caution": "慎读",
        "stale": "已过时",
        "records": "运行记录",
        "seed": "种子",
        "study": "调参过程",
        "footer": "由 <code>recbench publish</code> 根据 {count} 条记录生成。每条记录都有配置、"
        "数据指纹和代码状态，可用 <code>recbench verify</code> 和 "
        "<code>recbench reproduce</code> 核对。",
        "model": "模型",
        "seeds": "种子数",
        "trials": "调参次数（trials）",
        "of attainable": "占可达上限（of attainable）",
        "parameters": "参数量",
        "train s": "训练秒数",
        "samples/s": "样本/秒",
    },
}
"""By language and by what is said; a table's heads that are missing are shown as they are.

Those that a note names have its English word beside them.
"""
