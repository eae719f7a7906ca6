"""MeLU: the properties of its adaptation and the exactness of its meta-gradient."""

import math
from dataclasses import replace

import pytest
import torch
from recbench_models.coldstart.melu import MeLU, MeLUConfig

from recbench.batch import Batch
from recbench.errors import UsageError
from recbench.schema import FIRST_ID, Field, Schema
from recbench.testing.made_up import MADE_UP
from recbench.testing.subject import Subject

MADE = MADE_UP["cold-start"]
SMALL = MeLUConfig(embedding_dim=3, hidden=(4,), local_learning_rate=0.1)


def build(**options):
    torch.manual_seed(0)
    return MeLU(MADE.schema, replace(SMALL, **options)).double()


def episodes(labels=None):
    batch = MADE.planted(20, Subject(MeLU).build().reads, 1)
    return batch if labels is None else replace(batch, labels=labels)


def rated(batch):
    return replace(batch, labels=batch.labels.double())


def test_without_local_steps_or_with_a_rate_of_zero_it_is_the_network_without_adaptation():
    batch = episodes()
    plain = build(local_steps=0)
    expected = plain(batch.features)
    for model in (
        plain,
        build(local_learning_rate=0.0),
        build(local_steps=3, local_learning_rate=0.0),
    ):
        torch.testing.assert_close(model.predict(batch.inputs), expected)
    assert not torch.allclose(build().predict(batch.inputs), expected)


def test_adaptation_leaves_vectors_and_the_model_itself_as_they_are():
    model = build()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    support, query = next(iter(episodes().inputs))
    adapted = model.adapt(support)
    assert not torch.equal(adapted(query), model(query))
    with torch.no_grad():
        for table in model.embeddings.tables:
            table.zero_()  # an adapted copy of the vectors would not notice
    moved = adapted(query)
    assert torch.allclose(moved, moved[0].expand_as(moved))
    model.load_state_dict(before)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_each_local_step_lowers_the_error_on_the_support(steps):
    support, _ = next(iter(episodes().inputs))
    errors = [
        build(local_steps=n, local_learning_rate=0.01).adapt(support)(support.features)
        for n in range(steps + 1)
    ]
    losses = [build().error(each, support.labels).item() for each in errors]
    assert losses == sorted(losses, reverse=True)
    assert len(set(losses)) == steps + 1


def test_users_of_one_profile_differ_by_their_supports_alone():
    support, query = next(iter(episodes().inputs))
    other = Batch(support.features, 1 - support.labels)
    model = build()
    assert not torch.allclose(model.adapt(support)(query), model.adapt(other)(query))
    plain = build(local_steps=0)
    assert torch.equal(plain.adapt(support)(query), plain.adapt(other)(query))


def test_episodes_together_are_answered_as_each_by_itself():
    model = build(local_steps=2)
    batch = MADE.random()
    one_by_one = torch.cat([model.adapt(support)(query) for support, query in batch.inputs])
    torch.testing.assert_close(model.predict(batch.inputs), one_by_one)
    torch.testing.assert_close(
        model.loss(batch), super(MeLU, model).loss(rated(batch)), rtol=1e-10, atol=0
    )


def differences(model, batch, name, places, step=1e-6):
    """Return the derivative of the loss by central differences."""
    flat = dict(model.named_parameters())[name].data.view(-1)
    found = []
    for place in places:
        middle, losses = flat[place].item(), []
        for sign in (1, -1):
            flat[place] = middle + sign * step
            losses.append(model.loss(batch).item())
        flat[place] = middle
        found.append((losses[0] - losses[1]) / (2 * step))
    return torch.tensor(found, dtype=torch.float64)


@pytest.mark.parametrize("steps", [1, 3])
def test_the_meta_gradient_is_that_of_finite_differences(steps):
    batch = episodes()
    model = build(local_steps=steps, local_learning_rate=0.3)
    model.loss(batch).backward()
    for name, parameter in model.named_parameters():
        gradient = parameter.grad.view(-1)
        places = gradient.abs().topk(min(4, len(gradient))).indices.tolist()
        expected = differences(model, batch, name, places)
        torch.testing.assert_close(gradient[places], expected, rtol=1e-5, atol=1e-9)


def test_the_first_order_gradient_is_another_and_the_same_in_the_limit():
    batch = episodes()

    def gradient(rate, first_order):
        model = build(local_learning_rate=rate, first_order=first_order)
        model.loss(batch).backward()
        return torch.cat([each.grad.view(-1) for each in model.parameters()])

    exact, first = gradient(0.3, False), gradient(0.3, True)
    assert (exact - first).norm() > 1e-2 * exact.norm()
    exact, first = gradient(1e-6, False), gradient(1e-6, True)
    assert (exact - first).norm() < 1e-5 * exact.norm()


@pytest.mark.parametrize("first_order", [False, True])
def test_the_meta_gradient_of_a_parabola(first_order):
    """One number theta and the error (theta - c)^2: known by hand."""
    theta, alpha, c = 0.7, 0.1, 2.0
    schema = Schema((Field("age", "user", FIRST_ID + 1), Field("item", "item", FIRST_ID + 1),
                     Field("rating", "label", 0)), ("all",))  # fmt: skip
    config = MeLUConfig(1, (), 1, alpha, first_order)
    model = MeLU(schema, config).double()
    with torch.no_grad():
        model.embeddings.tables[0].zero_()  # the bias alone is left
        model.decision[0].weight.zero_()
        model.decision[0].bias.fill_(theta)
    full = MADE.random([0], unseen=0)
    features = replace(full.features, fields={"age": torch.tensor([FIRST_ID])})
    support = Batch(features, torch.tensor([c]))
    batch = replace(
        full, features=features, labels=torch.tensor([c]), support=support, support_offsets=(0, 1)
    )
    model.loss(batch).backward()
    adapted = theta - 2 * alpha * (theta - c)
    expected = 2 * (adapted - c) * (1 if first_order else 1 - 2 * alpha)
    assert math.isclose(model.decision[0].bias.grad.item(), expected, rel_tol=1e-12)


def test_it_takes_no_ids_and_refuses_data_without_any_field():
    schema = MADE.schema
    names = {each.name for each in MeLU(schema, MeLUConfig()).embeddings.fields}
    assert names == {"age_group", "category"}
    bare = Schema((Field("user", "user", 9), Field("item", "item", 9), Field("y", "label", 2)))
    with pytest.raises(UsageError, match="the dataset has none"):
        MeLU(bare, MeLUConfig())
