from __future__ import annotations

import torch
from torch import nn

from recbench.layers import AUGRU


def test_takes_the_state_of_a_gru_and_acts_as_one_with_attention_one():
    torch.manual_seed(0)
    gru, layer = nn.GRU(3, 2, batch_first=True), AUGRU(3, 2)
    layer.load_state_dict(gru.state_dict())
    x = torch.randn(4, 5, 3)
    outputs, last = layer(x, torch.ones(4, 5), torch.full((4,), 5))
    expected, final = gru(x)
    torch.testing.assert_close(outputs, expected)
    torch.testing.assert_close(last, final[0])


def test_passes_on_its_form():
    torch.manual_seed(0)
    x, attention, lengths = torch.randn(4, 5, 3), torch.rand(4, 5), torch.full((4,), 5)
    state = AUGRU(3, 2).state_dict()
    outputs = []
    for form in ({}, {"att_mode": "agru"}, {"att_mode": "reference"}, {"reset_after": False}):
        layer = AUGRU(3, 2, **form)
        layer.load_state_dict(state)
        outputs.append(layer(x, attention, lengths, torch.ones(4, 2))[1])
    for i, output in enumerate(outputs):
        assert not any(torch.allclose(output, other) for other in outputs[:i])
