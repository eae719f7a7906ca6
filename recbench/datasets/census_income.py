"""Census-Income (KDD): 299,285 people of the US Current Population Surveys of 1994 and 1995."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from recbench.data import Card, Dataset, Download
from recbench.data.reading import read_csv
from recbench.data.table_protocol import OfficialTestHalved, RandomShares, TableProtocol

NUMBERS = (
    "age",
    "wage_per_hour",
    "capital_gains",
    "capital_losses",
    "stock_dividends",
    "instance_weight",
    "num_emp",
    "weeks_worked",
)
COLUMNS = """
age class_worker det_ind_code det_occ_code education wage_per_hour hs_college marital_stat
major_ind_code major_occ_code race hisp_origin sex union_member unemp_reason full_or_part_emp
capital_gains capital_losses stock_dividends tax_filer_stat region_prev_res state_prev_res
det_hh_fam_stat det_hh_summ instance_weight mig_chg_msa mig_chg_reg mig_move_reg mig_same
mig_prev_sunbelt num_emp fam_under_18 country_father country_mother country_self citizenship
own_or_self vet_question vet_benefits weeks_worked year income
""".split()  # noqa: SIM905 - as the file orders them
COLLEGE = (
    "Associates degree-occup /vocational",
    "Associates degree-academic program",
    "Bachelors degree(BA AB BS)",
    "Masters degree(MA MS MEng MEd MSW MBA)",
    "Prof school degree (MD DDS DVM LLB JD)",
    "Doctorate degree(PhD EdD)",
)
FROM_COLLEGE = (
    "At least college is taken to include associate degrees: with them the labels of the test file "
    "correlate as the paper reports, which does not say."
)
SITE = "https://archive.ics.uci.edu/ml/machine-learning-databases/census-income-mld/"
INCOME = (" - 50000.", " 50000+.")
MMOE = "Ma et al., Modeling Task Relationships in Multi-task Learning, KDD 2018, section 6.1"
BY_INCOME, BY_COLLEGE = ("income", "never_married"), ("college", "never_married")
WEIGHT = ("instance_weight",)
HALF = f"{MMOE}, but on the official test file alone, split 60/20/20"
NO_WEIGHT = "The survey's weight of a person is no input; the paper does not say whether it is one."
AS_INPUT = "The survey's weight of a person is an input; the paper does not say whether it is one."


class CensusIncome(Dataset):
    """Two files of comma-separated rows without header; `?` is a missing value.

    Education and marital status are no inputs: the labels are made of them.
    """

    api = 1
    card = Card(
        name="census-income",
        version=1,
        title="Census-Income (KDD)",
        task="multi-task",
        files={"train": "census-income.data", "test": "census-income.test"},
        downloads=tuple(
            Download(file, (SITE + file,))
            for file in ("census-income.data.gz", "census-income.test.gz")
        ),
        protocols={
            "official": TableProtocol(OfficialTestHalved(), BY_INCOME, WEIGHT, source=MMOE),
            "half": TableProtocol(RandomShares(), BY_INCOME, WEIGHT, ("test",), HALF),
            "college": TableProtocol(OfficialTestHalved(), BY_COLLEGE, WEIGHT, source=MMOE),
            "college-half": TableProtocol(RandomShares(), BY_COLLEGE, WEIGHT, ("test",), HALF),
            "weight": TableProtocol(OfficialTestHalved(), BY_INCOME, source=MMOE),
            "weight-half": TableProtocol(RandomShares(), BY_INCOME, (), ("test",), HALF),
        },
        departures={
            **dict.fromkeys(("official", "half"), (NO_WEIGHT,)),
            **dict.fromkeys(("college", "college-half"), (FROM_COLLEGE, NO_WEIGHT)),
            **dict.fromkeys(("weight", "weight-half"), (AS_INPUT,)),
        },
        source="archive.ics.uci.edu/dataset/117 (census-income.data.gz and census-income.test.gz)",
        licence="CC BY 4.0",
        citation="Census-Income (KDD), UCI Machine Learning Repository, 2000; labels after Ma et "
        "al., KDD 2018",
        counts=({"rows": 299_285}, {"rows": 99_762}),
        checksums={"test": "b82952d217858365c8e597827e3e5468"},
        notes=(
            "Labels: income above $50,000, never married, associate degree or higher.",
            "Education and marital status are no inputs. The year is one.",
        ),
        labels={"income": "binary", "never_married": "binary", "college": "binary"},
        numbers=NUMBERS,
    )

    def read(self, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
        """Make `rows`; the rows of the test file come after those of the training file."""
        types = {name: "DOUBLE" if name in NUMBERS else "VARCHAR" for name in COLUMNS}
        types["income"] = "ENUM(" + ", ".join(f"''{value}''" for value in INCOME) + ")"
        tables = []
        for role, path in files.items():
            read_csv(db, f"{role}_file", path, types)
            testing = role == "test"
            tables.append(f"SELECT {testing} AS testing, * FROM {role}_file")  # noqa: S608
        inputs = [name for name in COLUMNS if name not in ("education", "marital_stat", "income")]
        chosen = ", ".join(
            name if name in NUMBERS else f"nullif(trim({name}), '?') AS {name}" for name in inputs
        )
        college = ", ".join(f"'{degree}'" for degree in COLLEGE)
        db.execute(
            f"""CREATE VIEW rows AS
            SELECT row_number() OVER (ORDER BY testing, row) AS row, testing, {chosen},
                   income = '{INCOME[1]}' AS income,
                   trim(marital_stat) = 'Never married' AS never_married,
                   trim(education) IN ({college}) AS college
            FROM ({" UNION ALL ".join(tables)})"""  # noqa: S608
        )
