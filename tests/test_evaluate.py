import math

import numpy as np
import pytest
import torch
from heard import Heard

from recbench.batch import Reads
from recbench.data import Loader, Part, open_loader
from recbench.errors import OutOfMemoryError, TrainingError
from recbench.evaluate import LARGEST_OUTPUT, attainable, chunk, predict, require_whole, score
from recbench.metrics import auc, gauc, logloss
from recbench.model import CTRModel, MetaModel
from recbench.schema import FIRST_ID, Field, Schema
from recbench.task import CTR, NEXT_ITEM

CPU = torch.device("cpu")


class Watching(CTRModel):
    """Scores an example by its item, and watches how it is asked."""

    def __init__(self, schema):
        super().__init__(schema, None)
        self.asked = []

    def forward(self, features):
        self.asked.append((features, self.training, torch.is_grad_enabled()))
        return features.fields["item"].double() / 7


@pytest.fixture
def loader(tiny):
    return Loader(tiny, tiny.part("valid"), Reads(recent=0), 50)


@pytest.fixture
def model(tiny):
    return Watching(tiny.schema)


def test_predictions_come_in_stored_order_as_single_precision(tiny, loader, model):
    found = predict(model, loader, CPU)["prediction"]
    items = tiny.known("item", np.asarray(tiny.part("valid").item))
    np.testing.assert_array_equal(found, (items / 7).astype(np.float32))
    assert found.dtype == np.float32


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda output: None, "NoneType"),
        (lambda output: output.numpy(), "ndarray"),
        (lambda output: (output, None), "tuple"),
        (lambda output: output.to(torch.complex64), "torch.complex64"),
    ],
)
def test_an_output_that_is_no_tensor_of_numbers_is_refused(loader, model, change, said):
    model.predict = lambda inputs: change(model(inputs))
    with pytest.raises(TrainingError, match=f"Watching.predict returned {said}; it must return a"):
        predict(model, loader, CPU)


@pytest.mark.parametrize("size", [1, 50])
def test_examples_are_asked_for_in_an_order_that_nothing_decides(tiny, loader, monkeypatch, size):
    monkeypatch.setattr("recbench.data.loader.MIXED", 40)
    model, again = Watching(tiny.schema), Watching(tiny.schema)
    for watching, seed in ((model, 1), (again, 7)):
        predict(watching, Loader(tiny, loader.part, loader.reads, size, seed=seed), CPU)
    asked, same = (
        [each for features, *_ in watching.asked for each in features.fields["item"].tolist()]
        for watching in (model, again)
    )
    stored = loader.features(np.arange(loader.examples)).fields["item"].tolist()
    assert asked == same
    for start in range(0, loader.examples, max(size, 40)):
        run = slice(start, start + max(size, 40))
        assert sorted(asked[run]) == sorted(stored[run])
        assert asked[run] != stored[run]
    order, _ = Loader(tiny, loader.part, loader.reads, size).mixed()
    clicks = np.asarray(loader.part.labels)[order]
    parity = np.array([clicks[::2].sum(), clicks[1::2].sum()])
    assert abs(parity[0] - parity[1]) < 4 * math.sqrt(parity.sum())


def test_of_batches_that_are_mixed_episodes_stay_as_they_are(cold):
    dataset = cold("states")
    loader = open_loader(dataset, dataset.part("valid"), Reads(recent=0), 4)
    order, batches = loader.mixed()
    assert order.tolist() == list(range(loader.examples))
    assert [batch.labels.tolist() for batch in batches] == [b.labels.tolist() for b in loader]


def test_a_model_is_asked_without_labels_gradients_or_training_mode(loader, model):
    model.train()
    predict(model, loader, CPU)
    assert len(model.asked) == math.ceil(loader.examples / 50)
    for features, training, gradients in model.asked:
        assert not hasattr(features, "labels")
        assert "click" not in features.fields
        assert not training
        assert not gradients


def test_progress_hears_every_prediction(loader, model):
    heard = Heard()
    predict(model, loader, CPU, heard)
    (bar,) = heard.bars
    assert (bar.label, bar.total, bar.unit) == ("predicting valid", loader.examples, "samples")
    assert bar.done == loader.examples


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_prediction_that_is_not_finite_is_an_error_with_a_mend(loader, model, bad):
    forward = model.forward

    def broken(features):
        output = forward(features)
        output[0] = bad
        return output

    model.forward = broken
    batches = math.ceil(loader.examples / 50)
    expected = rf"{batches} predictions for valid are not finite; try a lower training\.learn"
    with pytest.raises(TrainingError, match=expected):
        predict(model, loader, CPU)


def test_another_shape_than_one_logit_an_example_is_an_error(loader, model):
    model.forward = lambda features: torch.zeros(len(features), 1)
    expected = r"Watching\.predict returned shape \(50, 1\) for 50 examples; it must .* \[50\]"
    with pytest.raises(TrainingError, match=expected):
        predict(model, loader, CPU)


def test_a_prediction_without_memory_names_a_size_and_its_setting(tiny, loader, model):
    forward = model.forward

    def large(features):
        if len(features) > 20:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(features)

    model.forward = large
    expected = r"predicting valid ran out of memory with 50 examples .*evaluation_batch_size=12, or"
    with pytest.raises(OutOfMemoryError, match=expected):
        predict(model, loader, CPU)
    assert {len(features) for features, *_ in model.asked} == {12}


def test_episodes_without_memory_are_as_many_as_in_training(cold):
    class Large(MetaModel):
        def predict(self, episodes):
            if len(episodes) > 2:
                raise torch.OutOfMemoryError
            return torch.zeros(len(episodes.query))

    dataset = cold("states")
    loader = open_loader(dataset, dataset.part("valid"), Reads(recent=0), 4)
    expected = r"with 4 episodes at a time .*: 2 of them went through.* training\.batch_size=2, or"
    with pytest.raises(OutOfMemoryError, match=expected):
        predict(Large(dataset.schema, None), loader, CPU)


def test_scores_are_the_metrics_of_the_task_with_the_primary_one_first():
    random = np.random.default_rng(0)
    labels, users = random.integers(2, size=200), random.integers(30, size=200)
    logits = random.normal(size=200)
    schema = Schema((Field("click", "label", 2),))
    part = Part("test", {"user": users, "click": labels}, schema)
    found = score(CTR, part, {"prediction": logits})
    assert list(found.values) == ["auc", "gauc", "logloss"]
    assert found.values["auc"] == auc(labels, logits)
    assert found.values["gauc"] == gauc(labels, logits, users)
    assert found.values["logloss"] == logloss(labels, logits)
    both = [user for user in range(30) if len(set(labels[users == user])) == 2]
    assert found.scored_users == len(both)


@pytest.mark.parametrize("name", ["label", "user", "state", "episode", "other"])
def test_columns_of_a_models_own_are_refused_and_never_take_the_place_of_the_truth(name):
    labels, users = np.tile([0, 1], 50), np.arange(100) // 4
    logits = np.random.default_rng(0).normal(size=100).astype(np.float32)
    part = Part("test", {"user": users, "click": labels}, Schema((Field("click", "label", 2),)))
    own = {"prediction": logits, name: (logits > 0).astype(np.float32)}
    with pytest.raises(TrainingError, match=rf"left .*{name} \(float32\).* for test, and what is"):
        require_whole(CTR, part, own)
    require_whole(CTR, part, {"prediction": logits})
    assert score(CTR, part, own) == score(CTR, part, {"prediction": logits})


def test_only_simulated_tests_say_what_is_attainable(tiny):
    assert attainable(tiny.part("valid")) is None
    part = tiny.open_test()
    assert attainable(part) == {"auc": auc(part.labels, part.oracle)}
    assert 0.8 < attainable(part)["auc"] < 1


def test_many_items_make_small_chunks():
    schema = Schema((Field("item", "item", FIRST_ID + LARGEST_OUTPUT // 8),))
    assert chunk(NEXT_ITEM, schema, 4096) == 8
    assert chunk(NEXT_ITEM, schema, 4) == 4
    assert chunk(CTR, schema, 4096) == 4096
    huge = Schema((Field("item", "item", FIRST_ID + 2 * LARGEST_OUTPUT),))
    assert chunk(NEXT_ITEM, huge, 4096) == 1


def test_a_constant_scorer_of_items_gets_their_mean_rank():
    schema = Schema((Field("item", "item", FIRST_ID + 101),))
    kept = NEXT_ITEM.predictions(torch.zeros(3, 101), torch.tensor([0, 50, 100]), schema)
    assert kept["rank"].tolist() == [51, 51, 51]


def test_ranks_count_better_items_and_half_of_the_equal_ones():
    scores = torch.tensor([[0.3, 0.1, 0.3, 0.9], [0.3, 0.1, 0.3, 0.9], [4.0, 3.0, 2.0, 1.0]])
    schema = Schema((Field("item", "item", FIRST_ID + 4),))
    kept = NEXT_ITEM.predictions(scores, torch.tensor([0, 1, 0]), schema)
    assert kept["rank"].tolist() == [2.5, 4, 1]
    assert kept["top"][2].tolist() == [0, 1, 2, 3]
