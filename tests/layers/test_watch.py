import torch
from torch import nn

from recbench.layers import watch


def test_calls_within_are_collected_and_none_after():
    layer = nn.Linear(2, 1)
    x = torch.ones(3, 2)
    with watch(layer) as calls:
        first = layer(x)
        second = layer(input=2 * x)
    layer(x)
    assert len(calls) == 2
    assert calls[0].arguments == (x,)
    assert torch.equal(calls[0].output, first)
    assert torch.equal(calls[1].arguments[0], 2 * x)
    assert torch.equal(calls[1].output, second)


def test_an_error_within_ends_the_watch():
    layer = nn.Linear(2, 1)
    try:
        with watch(layer) as calls:
            raise KeyError
    except KeyError:
        layer(torch.ones(3, 2))
    assert calls == []
