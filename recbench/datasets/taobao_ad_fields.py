"""Fields of Taobao's display advertising that all its files have: of users, ads and behaviours."""

from __future__ import annotations

PROFILE = (
    "cms_segid",
    "cms_group_id",
    "final_gender_code",
    "age_level",
    "pvalue_level",
    "shopping_level",
    "occupation",
    "new_user_class_level",
)
"""Fields of users, in the order of the files."""
AD_ONLY = ("campaign", "customer", "price")
"""Item fields of advertisements that behaviours lack."""
LICENCE = "Tianchi terms, non-commercial research"
CITATION = (
    "Alibaba, Ali_Display_Ad_Click, tianchi.aliyun.com/dataset/56, 2018; Gai et al., Learning "
    "Piece-wise Linear Models from Large Scale Data for Ad Click Prediction, 2017"
)
NOTES = (
    "A behaviour names a category and a brand, no advertisement: the item of its event stands for "
    "both, its id is -(category * 10^9 + brand), and it shares these two fields with "
    "advertisements. Advertisements are never in histories.",
    "A price is known by its power of two.",
)


def behaviour_item(category: str, brand: str) -> str:
    """Return the SQL for the item of behaviours with a category and a brand; no brand is 0."""
    return f"-({category} * 1000000000::BIGINT + coalesce({brand}, 0))"


def price_band(price: str) -> str:
    """Return the SQL for a price's power of two."""
    return f"CASE WHEN {price} > 0 THEN floor(log2({price}))::INTEGER END"
