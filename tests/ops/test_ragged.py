from __future__ import annotations

import torch

from recbench.ops.ragged import event_rows, length_mask, masked_softmax


def test_length_mask_marks_the_first_steps_of_each_row():
    mask = length_mask(torch.tensor([0, 2, 3]), 3)
    assert mask.tolist() == [[False] * 3, [True, True, False], [True] * 3]


def test_masked_softmax_sums_to_one_over_real_steps_and_to_zero_without_any():
    mask = torch.tensor([[True, True, False], [False, False, False]])
    scores = torch.tensor([[0.3, -2.0, 50.0], [1.0, 2.0, 3.0]], requires_grad=True)
    weights = masked_softmax(scores, mask)
    torch.testing.assert_close(weights[0, :2], torch.tensor([0.3, -2.0]).softmax(0))
    assert weights[~mask].tolist() == [0, 0, 0, 0]
    weights.square().sum().backward()
    assert scores.grad is not None
    assert scores.grad[~mask].tolist() == [0, 0, 0, 0]


def test_masked_softmax_of_no_step_is_empty():
    assert masked_softmax(torch.zeros(2, 0), torch.zeros(2, 0, dtype=torch.bool)).shape == (2, 0)


def test_event_rows_passes_over_empty_rows():
    assert event_rows(torch.tensor([0, 0, 2, 2, 3]), 3).tolist() == [1, 1, 3]
