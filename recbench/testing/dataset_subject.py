"""What is under test: a dataset, with small raw files to try it on."""

from __future__ import annotations

import copy
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from recbench.data import Card, DataConfig, Dataset, PreparedDataset, prepare
from recbench.folders import Folders
from recbench.progress import SILENT
from recbench.testing.require import NotApplicable, require

SMALLEST = "tiny"


class DatasetSubject:
    """A dataset's class, or an instance of it, and what comes of its raw files.

    The raw files are those of `Dataset.sample`, or else what the simulator writes at its smallest
    size. They are drawn, so that the card's counts and checksums do not hold for them.
    """

    def __init__(self, dataset: type[Dataset] | Dataset) -> None:
        """Name what is under test."""
        self.plugin = dataset
        self._scratch = Path(tempfile.mkdtemp(prefix="recbench-"))
        weakref.finalize(self, shutil.rmtree, self._scratch, ignore_errors=True)

    def __str__(self) -> str:
        """Return the class's name."""
        return self.kind.__name__

    @property
    def kind(self) -> type[Dataset]:
        """The dataset's class."""
        return self.plugin if isinstance(self.plugin, type) else type(self.plugin)

    @cached_property
    def dataset(self) -> Dataset:
        """The dataset, held to no published release."""
        made = self.plugin() if isinstance(self.plugin, type) else copy.copy(self.plugin)
        made.card = replace(self.stated, counts=(), checksums={})
        return made

    @cached_property
    def stated(self) -> Card:
        """Its card as it is written."""
        card = (self.plugin() if isinstance(self.plugin, type) else self.plugin).card
        require(isinstance(card, Card), f"card is {card!r}; set card = recbench.Card(...)")
        return card

    @property
    def card(self) -> Card:
        """Its card, with the gates of a published release open."""
        return self.dataset.card

    def draw(self) -> Mapping[str, bytes]:
        """Return small raw files by role.

        Raises:
            AssertionError: If it has none, or not all that the card names.
            NotApplicable: If the dataset has no raw files that could be drawn.
        """
        card, folder = self.card, self._folder()
        if not card.files or card.paths:
            raise NotApplicable("it has no raw files but its own")
        if self.kind.sample is not Dataset.sample:
            self.dataset.sample(folder)
            paths = {role: folder / name for role, name in card.files.items()}
        else:
            cause = (
                "it has neither a sample nor a simulator, so that nothing of the reader can be "
                "tried; override Dataset.sample, which writes small raw files"
            )
            require(bool(card.simulated_sizes), cause)
            paths = dict(self.dataset.simulate(self._size, folder, SILENT))
        for role, path in paths.items():
            require(
                path.is_file(), f"its sample lacks the file {path.name}, in the card's '{role}'"
            )
        return {role: path.read_bytes() for role, path in paths.items() if role in card.files}

    @cached_property
    def files(self) -> Mapping[str, bytes]:
        """The raw files of the sample by role; `NotApplicable` if there are none."""
        try:
            return self.draw()
        except NotApplicable:
            raise
        except (Exception, SystemExit) as error:  # which check_sample tells
            raise NotApplicable("there is no sample to try it on") from error

    def prepared(self, protocol: str) -> PreparedDataset:
        """Return the sample as prepared under a protocol; `NotApplicable` if that fails."""
        if protocol not in self._prepared:
            try:
                self.keep(protocol, self.prepare(protocol))
            except NotApplicable:
                raise
            except (Exception, SystemExit) as error:  # which check_preparation tells
                raise NotApplicable(f"the protocol {protocol} cannot be prepared") from error
        return PreparedDataset(self._prepared[protocol])

    def keep(self, protocol: str, prepared: PreparedDataset) -> None:
        """Let `prepared` return this from now on."""
        self._prepared[protocol] = prepared.folder

    def prepare(
        self, protocol: str, changed: Mapping[str, bytes | None] | None = None
    ) -> PreparedDataset:
        """Prepare the sample anew.

        Args:
            protocol: The name of the protocol.
            changed: What takes the place of some files, by role; None where one is to be missing.
        """
        folder, card = self._folder(), self.card
        folders = Folders(folder, folder / "cache", folder)
        if not card.files:
            config = DataConfig(card.name, protocol, "simulated", self._size)
            return prepare(self.dataset, config, folders)
        if not card.paths:
            home = folder / card.home
            home.mkdir()
            for role in card.files_of(protocol):
                if (data := {**self.files, **(changed or {})}[role]) is not None:
                    (home / card.files[role]).write_bytes(data)
        return prepare(self.dataset, DataConfig(card.name, protocol, "real"), folders)

    def written(self, protocol: str) -> Mapping[str, Path]:
        """Return the raw files that a protocol reads, as paths by role, in a new folder."""
        card, folder = self.card, self._folder()
        if card.paths:
            return {role: card.paths[role] for role in card.files_of(protocol)}
        if not card.files:
            return self.dataset.simulate(self._size, folder, SILENT)
        for role in card.files_of(protocol):
            (folder / card.files[role]).write_bytes(self.files[role])
        return {role: folder / name for role, name in card.files_of(protocol).items()}

    @cached_property
    def _prepared(self) -> dict[str, Path]:
        return {}

    @property
    def _size(self) -> str:
        """The smallest size that is simulated."""
        sizes = self.card.simulated_sizes
        return SMALLEST if SMALLEST in sizes else next(iter(sizes))

    def _folder(self) -> Path:
        """Return a new folder."""
        return Path(tempfile.mkdtemp(dir=self._scratch))
